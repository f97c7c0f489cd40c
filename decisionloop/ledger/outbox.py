"""Actions on their way out: what is queued and not yet delivered, and every attempt to deliver it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

import pandas as pd
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from decisionloop.ledger.id_spans import ANY_ID, IdSpan, ids_of_batch
from decisionloop.ledger.schema import delivery, outbox, withdrawn_decision
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame

Status = Literal["delivered", "failed"]


@dataclass(frozen=True)
class QueuedAction:
    """An action to send: ``decision_id`` is its idempotency key, ``attempt`` counts the next attempt (from 1)."""

    decision_id: str
    batch_id: str
    use_case: str
    entity_id: str
    action: str
    payload: str
    queued_at: datetime
    attempt: int


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver a message and how it ended."""

    decision_id: str
    attempt: int
    status: Status
    detail: str | None
    at: datetime


def pending(
    source: Ledger | Connection,
    use_case: str,
    batch_id: str | None = None,
    limit: int = 1_000,
    after: QueuedAction | None = None,
) -> tuple[QueuedAction, ...]:
    """Up to `limit` messages that were not delivered yet, by the time they were queued and their id.

    `after` goes on behind a message of the page before, so that one that keeps failing does not hold up the rest.
    """
    span = _ids_of(source, batch_id)
    same = (delivery.c.decision_id == outbox.c.decision_id, *span.holds(delivery.c.decision_id))
    attempts = select(func.max(delivery.c.attempt)).where(*same)
    columns = [outbox.c[field.name] for field in fields(QueuedAction) if field.name != "attempt"]
    statement = (
        select(*columns, 1 + func.coalesce(attempts.scalar_subquery(), 0))
        .where(*undelivered(use_case, batch_id, span))
        .order_by(outbox.c.queued_at, outbox.c.decision_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(
            or_(
                outbox.c.queued_at > after.queued_at,
                (outbox.c.queued_at == after.queued_at) & (outbox.c.decision_id > after.decision_id),
            )
        )
    return facts.as_facts(source, QueuedAction, statement)


def count_pending(source: Ledger | Connection, use_case: str, batch_id: str | None = None) -> int:
    """How many messages were neither delivered nor cancelled yet."""
    with facts.reading(source) as connection:
        span = _ids_of(connection, batch_id)
        statement = select(func.count()).select_from(outbox).where(*undelivered(use_case, batch_id, span))
        return connection.execute(statement).scalar_one()


def append_deliveries(target: Ledger | Connection, deliveries: Sequence[Delivery]) -> int:
    """Append attempts; returns how many were new."""
    names = [field.name for field in fields(Delivery)]
    rows = pa.table({name: [getattr(attempt, name) for attempt in deliveries] for name in names})
    with facts.writing(target) as connection:
        return append(connection, delivery, rows)


def deliveries_of(source: Ledger | Connection, decision_id: str) -> tuple[Delivery, ...]:
    """Every attempt to deliver one message, in order."""
    table = delivery.c
    return facts.every(source, Delivery, delivery, table.decision_id == decision_id, order_by=[table.attempt])


def _ids_of(source: Ledger | Connection, batch_id: str | None) -> IdSpan:
    return ANY_ID if batch_id is None else ids_of_batch(source, batch_id)


def undelivered(use_case: str, batch_id: str | None, span: IdSpan = ANY_ID) -> list[ColumnElement[bool]]:
    """What is true of a message that was neither delivered nor cancelled yet."""
    same = (delivery.c.decision_id == outbox.c.decision_id, *span.holds(delivery.c.decision_id))
    is_delivered = exists().where(*same, delivery.c.status == "delivered")
    is_withdrawn = exists().where(withdrawn_decision.c.decision_id == outbox.c.decision_id)
    conditions: list[ColumnElement[bool]] = [outbox.c.use_case == use_case, ~is_delivered, ~is_withdrawn]
    conditions += span.holds(outbox.c.decision_id)
    return conditions if batch_id is None else [*conditions, outbox.c.batch_id == batch_id]


def messages_of_batch(ledger: Ledger, batch_id: str) -> pd.DataFrame:
    """The whole outbox of a batch, delivered or not, by decision id: what its chunks are cut from."""
    own = (outbox.c.batch_id == batch_id, *ids_of_batch(ledger, batch_id).holds(outbox.c.decision_id))
    return read_frame(ledger, select(outbox).where(*own).order_by(outbox.c.decision_id))


def attempts_of_batch(ledger: Ledger, batch_id: str) -> pd.DataFrame:
    """Every attempt to deliver a message of a batch: decision_id, attempt, status."""
    columns = (delivery.c.decision_id, delivery.c.attempt, delivery.c.status)
    statement = select(*columns).join(outbox, outbox.c.decision_id == delivery.c.decision_id)
    span = ids_of_batch(ledger, batch_id).holds(outbox.c.decision_id, delivery.c.decision_id)
    return read_frame(ledger, statement.where(outbox.c.batch_id == batch_id, *span))
