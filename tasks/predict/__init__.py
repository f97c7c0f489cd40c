"""Predict: freeze, validate and score one batch."""
