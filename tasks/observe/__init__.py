"""Observe: take in outcomes, measure what has matured, say why predictions failed."""
