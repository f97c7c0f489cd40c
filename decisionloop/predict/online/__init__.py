"""One decision at a time, in microseconds: rows, tables, kernels, engines, and the scorer that joins them."""
