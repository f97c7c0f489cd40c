"""Seal: what was decided one at a time becomes batches like any other."""
