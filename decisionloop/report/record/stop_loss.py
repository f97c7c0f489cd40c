"""What a stop-loss saved, what it could not save, and what was lost where there was none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from decisionloop.report.record.estimate import Estimate


@dataclass(frozen=True)
class Losing:
    """A stretch of cohorts in which less was earned than the default action for everybody would have: since its best.

    ``since``: the first of them. ``lost``: money in all, a loss above 0. ``unknowable``: of it, on decisions made
    before the outcomes of the first of these cohorts were in; ``unsure``: on later ones, before it was sure.
    ``known_on``: when the former were in, None: not yet.
    """

    since: date
    known_on: date | None
    lost: Estimate
    unknowable: float
    unsure: float


@dataclass(frozen=True)
class StopLine:
    """The default action had the rules' place from a day on, and until another one (None: it has).

    ``saved``: money on the decisions since beside what the rules would have earned; below 0 the stop cost money.
    ``decisions``: of how many decisions that is known, None of which outcomes are missing.
    """

    on: date
    until: date | None
    before: Losing | None
    saved: Estimate
    decisions: int


@dataclass(frozen=True)
class StopLosses:
    """Every stop, and what has been lost since the last one, or in all where there was none.

    ``action``: the wording of the default action. ``why_none``: why rules cannot be stopped here, "" where they can.
    """

    action: str
    stops: tuple[StopLine, ...] = ()
    now: Losing | None = None
    why_none: str = ""
