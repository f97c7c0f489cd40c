"""Spans of days in words."""

from __future__ import annotations


def in_days(days: float) -> str:
    """How long: 1 day, 7 days, 2.5 days."""
    return f"{days:g} day{'' if days == 1 else 's'}"
