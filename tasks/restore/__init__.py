"""Proving that a backup restores: a batch of it is decided again, and comes out as it was logged."""
