"""Figures of a check, as people read them: no share without how many it is of how many."""

from __future__ import annotations


def some_of(some: int, whole: int, what: str = "") -> str:
    """How many of how many of ``what``, and the share: a tiny share is of one row as likely as of thousands."""
    share = f" ({some / whole:.1%})" if whole else ""
    return f"{some:,} of {whole:,}{f' {what}' if what else ''}{share}"


def two_figures(value: float) -> str:
    """Two figures, and no powers of ten."""
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
