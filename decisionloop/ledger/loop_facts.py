"""How far the loop is, read from the ledger alone: whatever is broken beside it, this can be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import UNDECIDED_STATES, Batch, batches
from decisionloop.ledger.held_actions import waiting_actions
from decisionloop.ledger.missed_due import due_times_without_batch
from decisionloop.ledger.outbox import undelivered
from decisionloop.ledger.schema import outbox
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.stream import sealed_batches
from decisionloop.ledger.worker_turns import last_sign_of_life
from decisionloop.monitor.loop.health import LoopFacts, due_by
from decisionloop.schedule import last_due_time


def loop_facts(source: Ledger | Connection, use_case: UseCase, is_live: bool, now: datetime) -> LoopFacts:
    """The facts about a use case's loop at ``now``. ``is_live``: new rows come in; a replay is never late.

    Raises UsageError for a schedule that names no time.
    """
    with facts.reading(source) as connection:
        every = batches(connection, use_case.name)
        due, state = _undecided_due(connection, use_case, every, now) if is_live and every else (None, "")
        waiting, oldest = _waiting(connection, use_case.name, every)
        last = last_sign_of_life(connection, use_case.name)
    return LoopFacts(use_case.name, now, due, state, waiting, oldest, last)


def _undecided_due(
    connection: Connection, use_case: UseCase, every: tuple[Batch, ...], now: datetime
) -> tuple[datetime | None, str]:
    """The last due time, where its batch should be decided and is not, with its state.

    One that was halted waits for a person, who was told.
    """
    until = due_by(use_case.watchdog, now)
    if until <= every[0].as_of:
        return None, ""
    due = last_due_time(use_case.schedule, until)
    sealed = sealed_batches(connection, use_case.name)
    begun = {one.as_of: one.state for one in every if one.batch_id not in sealed}
    if begun.get(due) in UNDECIDED_STATES:
        return due, str(begun[due])
    missing = due not in begun and due in due_times_without_batch(connection, use_case, until)
    return (due, "") if missing else (None, "")


def _waiting(connection: Connection, use_case: str, every: tuple[Batch, ...]) -> tuple[int, datetime | None]:
    """How many actions wait that nobody holds, and since when the oldest does."""
    said = {one.last.batch_id: one.last.state for one in waiting_actions(connection, use_case)}
    waiting: list[tuple[int, datetime | None]] = []
    for one in every:
        # Of a complete one everything has left, but what was held and a person has released since.
        last = said.get(one.batch_id)
        if last == "released" or (one.state == "decided" and last != "held"):
            counted = select(func.count(), func.min(outbox.c.queued_at))
            row = connection.execute(counted.where(*undelivered(use_case, one.batch_id))).one()
            waiting.append((row[0], row[1]))
    return sum(count for count, _ in waiting), min((at for _, at in waiting if at is not None), default=None)
