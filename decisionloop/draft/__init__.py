"""A first contract from a table: which column is what, how money and time run, and a comment at every guess."""
