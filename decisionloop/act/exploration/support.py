"""Where a log can speak of what was not preferred: one number, which exploring keeps to and the gate reads."""

from __future__ import annotations

PROPENSITY_FLOOR = 1e-3
"""Smallest propensity that is evidence.

An off-policy estimate weighs a decision by one over its propensity, so that below this a single outcome would stand for
more than a thousand. Priced exploration draws no action with a smaller chance, but leaves it alone: it is out of
support there. Of what is logged below it all the same (a limit cut a choice that had been drawn), the gate says that
the log cannot tell.
"""
