"""A copy of an installation that goes on where it was: taken while it works, checked, and restored elsewhere."""
