"""What became of a release that was shipped bad on purpose, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Basis = Literal["truth", "estimate"]
"""``truth``: a replay knows what would have become of everybody; ``estimate``: what the model beside it expects."""


@dataclass(frozen=True)
class WhatItCost:
    """Decisions of a bad release, how many of them it made otherwise than the model beside it would have, and the money
    (currency) that they brought less; None where nobody can tell. ``unrecorded``: decisions that this leaves out."""

    decisions: int
    otherwise: int
    lost: float | None
    unrecorded: int = 0


@dataclass(frozen=True)
class BadRelease:
    """A release that was shipped bad on purpose, on trial for a ``share`` of a batch of ``rows`` decisions.

    ``beside``: the model that decided beside it, from which it was made. ``stopped_on`` None: it is on trial still;
    ``is_caught``: by what watches a trial, and not by a person; ``because``: what was seen. ``at_once``: what it would
    have cost had everybody been switched, until ``outcomes_on``, when the first outcomes of that were complete.
    """

    release: str
    beside: str
    shipped_on: date
    share: float
    rows: int
    stopped_on: date | None
    is_caught: bool
    because: str
    basis: Basis
    cost: WhatItCost
    at_once: WhatItCost
    outcomes_on: date
