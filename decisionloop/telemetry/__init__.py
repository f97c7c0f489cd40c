"""What a process tells machines of its work: log records and spans, neither with a row's content or a secret."""
