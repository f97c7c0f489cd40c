"""The parts of each cohort on which decisions lost the most money."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from decisionloop.ledger.schema import weak_slice
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class WeakSlice:
    """A part of a cohort. ``predicate`` is what `DataFrame.query` understands, ``description`` what people do.

    ``money_per_decision`` (with its interval) is what a decision there loses against the rest, ``rank`` counts
    from 1, the worst.
    """

    use_case: str
    cohort: str
    rank: int
    release_id: str | None
    description: str
    predicate: str
    n: int
    money_per_decision: float
    low: float | None
    high: float | None
    money_total: float
    as_of: datetime
    at: datetime


def append_weak_slices(target: Ledger | Connection, slices: Sequence[WeakSlice]) -> int:
    """Append slices; a cohort keeps those that it was given first. Returns how many were new."""
    return facts.add(target, weak_slice, slices)


def weak_slices_of(source: Ledger | Connection, use_case: str, cohort: str | None = None) -> tuple[WeakSlice, ...]:
    """The weak slices of a use case (of one cohort), by as-of, cohort and rank."""
    table = weak_slice.c
    where = [table.use_case == use_case]
    if cohort is not None:
        where.append(table.cohort == cohort)
    return facts.every(source, WeakSlice, weak_slice, *where, order_by=[table.as_of, table.cohort, table.rank])


def latest_weak_slices(
    source: Ledger | Connection, use_case: str, until: datetime | None = None, left_out: Collection[str] = ()
) -> tuple[WeakSlice, ...]:
    """Those of the last cohort that has any (found no later than ``until``), the worst first.

    ``left_out``: cohorts that may not judge: what has come of those that are held back is not what they lost.
    """
    known = [one for one in weak_slices_of(source, use_case) if one.cohort not in left_out]
    found = [one for one in known if until is None or one.as_of <= until]
    return tuple(one for one in found if one.cohort == found[-1].cohort)
