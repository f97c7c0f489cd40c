"""The loop watched as a machine: whether its batches come, its actions leave and its worker lives."""
