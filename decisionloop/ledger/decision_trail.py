"""What hangs off one decision: every revision of its outcome, every attempt to deliver it, and the event behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from decisionloop.ledger.releases import ReleaseEvent
from decisionloop.ledger.schema import delivery, outcome, release_event, stream_decision
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class ReportedOutcome:
    """One revision of an outcome."""

    revision: int
    outcome_class: int | None
    amount: float | None
    kind: str
    observed_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver an action."""

    attempt: int
    status: str
    detail: str | None
    at: datetime


def outcomes_of(source: Ledger | Connection, decision_id: str) -> tuple[ReportedOutcome, ...]:
    """Every revision of the outcome of a decision, the first one first."""
    order: Sequence[Any] = [outcome.c.revision]
    return facts.every(source, ReportedOutcome, outcome, outcome.c.decision_id == decision_id, order_by=order)


def attempts_of(source: Ledger | Connection, decision_id: str) -> tuple[Attempt, ...]:
    """Every attempt to deliver a decision, the first one first."""
    order: Sequence[Any] = [delivery.c.attempt]
    return facts.every(source, Attempt, delivery, delivery.c.decision_id == decision_id, order_by=order)


def is_of_stream(source: Ledger | Connection, decision_id: str) -> bool:
    """Whether it was decided one at a time."""
    found = select(stream_decision.c.decision_id).where(stream_decision.c.decision_id == decision_id)
    with facts.reading(source) as connection:
        return connection.execute(found).first() is not None


def standing_by(source: Ledger | Connection, use_case: str, release_id: str, seq: int) -> ReleaseEvent | None:
    """The last event of a release up to event ``seq`` of its use case; None where there was none."""
    table = release_event.c
    where = (table.use_case == use_case, table.release_id == release_id, table.seq <= seq)
    found = facts.every(source, ReleaseEvent, release_event, *where, order_by=[table.seq])
    return found[-1] if found else None
