"""Which cohorts were measured, and when: what is done with until there is news of it.

That a cohort was measured follows from its figures, and is kept beside them in the transaction that appends them: they
are dozens a cohort, and every turn asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, func, select

from decisionloop.ledger.batches import DECIDED_STATES, Batch, batches
from decisionloop.ledger.schema import batch, batch_event, measured_cohort
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class MeasuredCohort:
    """A mature cohort was measured at ``made_at`` with what was known by ``known_at``."""

    use_case: str
    cohort: str
    known_at: datetime
    made_at: datetime


@dataclass(frozen=True)
class LastMeasured:
    """Up to when the newest figures of a cohort know, and when figures of it were made last."""

    known_at: datetime
    made_at: datetime


def append_measured(target: Ledger | Connection, measured: Iterable[MeasuredCohort]) -> int:
    """Say that cohorts were measured; returns how many were not told so before."""
    return facts.add(target, measured_cohort, list(measured))


def last_measured(source: Ledger | Connection, use_case: str) -> dict[str, LastMeasured]:
    """When each cohort was measured last, by its name; those that were."""
    table = measured_cohort.c
    columns = (table.cohort, func.max(table.known_at), func.max(table.made_at))
    statement = select(*columns).where(table.use_case == use_case).group_by(table.cohort)
    with facts.reading(source) as connection:
        return {str(cohort): LastMeasured(*times) for cohort, *times in connection.execute(statement)}


def measured_cohorts(source: Ledger | Connection, use_case: str) -> frozenset[str]:
    """Cohorts of a use case that were measured when they were mature."""
    return frozenset(last_measured(source, use_case))


def unmeasured_batches(source: Ledger | Connection, use_case: str, as_of_to: datetime) -> tuple[Batch, ...]:
    """Decided batches up to a time (included) that were never measured, by their as-of; no other is read."""
    name = func.substr(batch.c.batch_id, len(use_case) + 2)  # `batch_id_of`
    is_measured = exists().where(measured_cohort.c.use_case == use_case, measured_cohort.c.cohort == name)
    return batches(source, use_case, as_of_to=as_of_to, where=(~is_measured, batch_event.c.state.in_(DECIDED_STATES)))
