"""What people take out of the ledger for a tool of their own: one kind of facts of a use case, over a span of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import pyarrow as pa
from sqlalchemy import ColumnElement, Select, Table, select

from decisionloop.ledger.schema import alarm, batch, decision, execution, measurement, outcome, verdict
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_in_chunks, schema_of

Kind = Literal["measurements", "decisions", "outcomes", "executions", "verdicts", "alarms"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CHUNK_ROWS = 20_000
"""Wide decisions of a chunk take some 40 MB."""


@dataclass(frozen=True)
class Span:
    """As-of times from ``since`` to ``until``, both included; None: there is no such end."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, as_of: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """Conditions that say so."""
        ends = ([as_of >= self.since] if self.since else [], [as_of <= self.until] if self.until else [])
        return [*ends[0], *ends[1]]


def exported(ledger: Ledger, use_case: str, kind: Kind, span: Span) -> Iterator[pa.Table]:
    """The rows in the order of their as-of, in chunks of at most CHUNK_ROWS; at least one chunk, which may be empty."""
    return read_in_chunks(ledger, _statement(use_case, kind, span), CHUNK_ROWS)


def columns_of(kind: Kind) -> pa.Schema:
    """What a kind is exported with: names and types."""
    return schema_of(_statement("", kind, Span()))


def _statement(use_case: str, kind: Kind, span: Span) -> Select[*tuple[Any, ...]]:
    if kind == "decisions":
        order = (decision.c.as_of, decision.c.snapshot_row, decision.c.decision_id)
        return select(decision).where(decision.c.batch_id.in_(_batches(use_case, span))).order_by(*order)
    if kind in _OF_DECISIONS:
        return _revisions(_OF_DECISIONS[kind], use_case, span)
    table, key = _TABLES[kind]
    of_them = (table.c.use_case == use_case, *span.holds(table.c.as_of))
    return select(table).where(*of_them).order_by(table.c.as_of, table.c[key])


def _batches(use_case: str, span: Span) -> Select[str]:
    return select(batch.c.batch_id).where(batch.c.use_case == use_case, *span.holds(batch.c.as_of))


_TABLES: dict[Kind, tuple[Table[Any], str]] = {
    "measurements": (measurement, "measurement_id"),
    "verdicts": (verdict, "verdict_id"),
    "alarms": (alarm, "alarm_id"),
}


_OF_DECISIONS: dict[Kind, Table[Any]] = {"outcomes": outcome, "executions": execution}


def _revisions(table: Table[Any], use_case: str, span: Span) -> Select[*tuple[Any, ...]]:
    """Every revision of what hangs off decisions, with what it belongs to; the span is that of the decisions."""
    of = decision.c
    return (
        select(table, of.batch_id, of.entity_id, of.as_of, of.action)
        .join_from(decision, table, of.decision_id == table.c.decision_id)
        .where(of.batch_id.in_(_batches(use_case, span)))
        .order_by(of.as_of, of.snapshot_row, of.decision_id, table.c.revision)
    )
