"""How many people each due time has left undecided, as it was found last, and due times that passed without a batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import Batch, attempt_details, batches, cohort_name, first_batch
from decisionloop.ledger.due_occurrences import decided_spans, span_of
from decisionloop.ledger.measurements import Measurement
from decisionloop.ledger.schema import measurement
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.predict.due import length_of
from decisionloop.schedule import due_times, periods

MISSED: Final = "missed"
"""The kind of an alert about people who were never decided, and the name of the figure that counts them."""


LOOK_BACK = 31
"""So many due times are looked back on, and none older than `outcome.accepted_days`: later, no outcome would count."""


def look_back(use_case: UseCase, first: Batch, until: datetime) -> datetime:
    """From when on people are looked for: since the ``first`` batch, as long as an outcome of theirs would count."""
    begun = span_of(first.as_of, use_case.schedule.covers_days).after
    return max(begun, until - timedelta(days=use_case.outcome.accepted_days))


def due_times_without_batch(source: Ledger | Connection, use_case: UseCase, until: datetime) -> tuple[datetime, ...]:
    """Due times of the look-back that no batch, whatever its state, covers for the better part of their period."""
    first = first_batch(source, use_case.name)
    if first is None:
        return ()
    after = look_back(use_case, first, until)
    spans = [span_of(one.as_of, use_case.schedule.covers_days) for one in batches(source, use_case.name, after)]
    expected = periods(use_case.schedule, after, until, LOOK_BACK)
    return tuple(one.until for one in expected if 2 * length_of(one.less(spans)) > one.length)


@dataclass(frozen=True)
class HaltedBatch:
    """A batch that was halted as of a time: how many ``due`` people wait until it is run again."""

    as_of: datetime
    due: int


def halted_batches(source: Ledger | Connection, use_case: UseCase, until: datetime) -> tuple[HaltedBatch, ...]:
    """The batches of the look-back that were halted and have people whom nobody has decided, by as-of.

    They are decided when the batch is run again as of its own time, or when somebody asks to catch up; no run of the
    schedule tries it. One that is halted for good waits for nobody.
    """
    first = first_batch(source, use_case.name)
    if first is None:
        return ()
    after, covers_days = look_back(use_case, first, until), use_case.schedule.covers_days
    halted = [one for one in batches(source, use_case.name, after) if one.state == "halted" and one.as_of > after]
    decided = [one.span for one in decided_spans(source, use_case.name, covers_days, after)] if halted else []
    found = []
    for one in halted:
        told = attempt_details(source, one.batch_id)
        due = int(told.get("frozen", {}).get("due") or told.get("frozen", {}).get("rows") or 0)
        if due and not told["halted"].get("is_closed") and span_of(one.as_of, covers_days).less(decided):
            found.append(HaltedBatch(one.as_of, due))
    return tuple(found)


def due_times_since_last_batch(
    source: Ledger | Connection, use_case: UseCase, until: datetime
) -> tuple[Batch | None, int]:
    """The last batch, whatever its state, and how many due times have come since; (None, 0) before the first."""
    every = batches(source, use_case.name)
    return (every[-1], len(due_times(use_case.schedule, every[-1].as_of, until))) if every else (None, 0)


def missed_figure(use_case: str, due_at: datetime, missed: int, due: int, as_of: datetime) -> Measurement:
    """How many of the ``due`` people of a due time were found undecided at a time, as a figure of its cohort."""
    return Measurement(
        use_case=use_case, release_id=None, monitor=MISSED, slice="all", cohort=cohort_name(due_at),
        value=float(missed), low=None, high=None, n=due, effective_n=None, is_mature=False, as_of=as_of,
    )  # fmt: skip


def left_undecided(source: Ledger | Connection, use_case: str) -> dict[str, float]:
    """How many people each due time has left undecided, by the name of its cohort; those that were looked at."""
    return {cohort: one.value or 0.0 for cohort, one in _latest(source, use_case).items()}


def _latest(source: Ledger | Connection, use_case: str) -> dict[str, Measurement]:
    table = measurement.c
    where = (table.use_case == use_case, table.monitor == MISSED)
    found = facts.every(source, Measurement, measurement, *where, order_by=[table.recorded_at, table.as_of])
    return {one.cohort: one for one in found}
