"""When the next thing happens to a use case, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class WhatNext:
    """Dates of what happens by itself, None where there is none to come.

    ``batch``: the next one of a live loop. ``outcomes``: on which day those of the batch ``outcomes_of`` are complete,
    the first that is not yet. ``training``: when the contract's schedule asks for one. ``ended``: the last batch of a
    replay that has ended, after which nothing comes.
    """

    batch: date | None = None
    outcomes: date | None = None
    outcomes_of: date | None = None
    training: date | None = None
    ended: date | None = None


NOTHING_NEXT = WhatNext()
