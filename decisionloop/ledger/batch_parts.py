"""The parts of a batch: which tables of the snapshot store each part of its rows left behind, attempt by attempt.

A batch is cut into parts when it is frozen, and every later step works part by part, wherever it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from decisionloop.ledger.schema import batch_event, batch_part, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

PartKind = Literal[
    "due",
    "features",
    "ages",
    "faults",
    "scores",
    "predictions",
    "newcomers",
    "seen_money",
    "choice",
    "stand_in_choice",
    "rules_choice",
    "default_choice",
    "legacy",
    "legacy_choice",
]


@dataclass(frozen=True)
class BatchPart:
    """One table of one part: its digest in the snapshot store and how many rows it has."""

    batch_id: str
    attempt: int
    kind: PartKind
    part: int
    digest: str
    rows: int
    at: datetime


def append_part(
    target: Ledger | Connection, batch_id: str, kind: PartKind, part: int, digest: str, rows: int
) -> BatchPart:
    """Record a part's table in the batch's present attempt; what that attempt recorded first stands, and is returned.

    A step that was killed and runs again may write other bytes (a time was measured anew): nothing that another
    step may have read already is replaced.
    """
    with facts.writing(target) as connection:
        recorded = BatchPart(batch_id, _attempt(connection, batch_id), kind, part, digest, rows, utc_now())
        if facts.add(connection, batch_part, [recorded]):
            return recorded
        return next(found for found in parts_of(connection, batch_id, kind) if found.part == part)


def parts_of(source: Ledger | Connection, batch_id: str, kind: PartKind) -> tuple[BatchPart, ...]:
    """The parts' tables of one kind that the batch's last attempt left, in the order of the parts."""
    table = batch_part.c
    with facts.reading(source) as connection:
        where = (table.batch_id == batch_id) & (table.attempt == _attempt(connection, batch_id)) & (table.kind == kind)
        return facts.every(connection, BatchPart, batch_part, where, order_by=[table.part])


def find_part(source: Ledger | Connection, batch_id: str, kind: PartKind, part: int) -> BatchPart | None:
    """One part's table of one kind, or None where the last attempt has not left it yet."""
    return next((found for found in parts_of(source, batch_id, kind) if found.part == part), None)


def _attempt(connection: Connection, batch_id: str) -> int:
    is_opening = (batch_event.c.batch_id == batch_id) & (batch_event.c.state == "opened")
    return connection.execute(select(func.count()).select_from(batch_event).where(is_opening)).scalar_one()
