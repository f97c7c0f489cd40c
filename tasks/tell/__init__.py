"""Tell: halts, notices, channels, events and artifacts: how people get to know."""
