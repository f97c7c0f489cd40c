"""Simulated years of one release on trial: what it does is injected, and what that is worth is known."""
