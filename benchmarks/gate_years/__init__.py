"""Simulated years of a gate: every month a challenger, every week a cohort, and the truth about all of them."""
