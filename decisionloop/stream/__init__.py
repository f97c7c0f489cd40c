"""Deciding one at a time: a stream is a batch that has not been sealed, decided by the very functions of a batch."""
