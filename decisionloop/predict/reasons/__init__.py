"""Reasons of a score: which features moved it, as compact codes and in the contract's words."""
