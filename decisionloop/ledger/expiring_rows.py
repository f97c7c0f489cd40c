"""The rows of the large tables that go with batches: one by one, or a month at once where nothing else lives in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, or_, select

from decisionloop.ledger.id_spans import IdSpan, ids_of_batches
from decisionloop.ledger.schema import (
    batch,
    decision_group,
    decision_row,
    delivery,
    execution,
    outcome,
    sealed_segment,
    stream_segment,
)
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.months import MonthStays, drop_month, ids_of_month, month_is_there, months_between

if TYPE_CHECKING:
    from decisionloop.ledger.expired_batches import Expiring

_OF_OUTCOMES: tuple[Table[Any], ...] = (outcome, execution)


def own_ids(batch_ids: Collection[str], span: IdSpan) -> Select[str]:
    """The ids of the decisions of batches, which lie in a span."""
    return (
        select(decision_row.c.decision_id)
        .join(decision_group, decision_group.c.group_id == decision_row.c.group_id)
        .where(decision_group.c.batch_id.in_(list(batch_ids)), *span.holds(decision_row.c.decision_id))
    )


def whole_months(ledger: Ledger, going: Collection[str]) -> dict[date, frozenset[str]]:
    """Months of the ledger in which no batch lives but those that go, each with the batches as of it.

    Only those that have a part of their own.
    """
    last_own = (
        select(func.max(stream_segment.c.as_of))
        .join(sealed_segment, sealed_segment.c.segment_id == stream_segment.c.segment_id)
        .where(sealed_segment.c.batch_id == batch.c.batch_id)
        .scalar_subquery()
    )
    has_rows = batch.c.batch_id.in_(select(decision_group.c.batch_id))
    of_batches = select(batch.c.batch_id, batch.c.as_of, func.coalesce(last_own, batch.c.as_of)).where(has_rows)
    held: dict[date, set[str]] = {}
    begun: dict[date, set[str]] = {}
    with ledger.connect() as connection:
        for batch_id, first, last in connection.execute(of_batches).tuples():
            months = months_between(first, max(first, last))
            begun.setdefault(months[0], set()).add(batch_id)
            for month in months:
                held.setdefault(month, set()).add(batch_id)
        whole = {month: begun[month] for month, found in held.items() if month in begun and found <= set(going)}
        return {month: frozenset(found) for month, found in whole.items() if month_is_there(connection, month)}


@dataclass(frozen=True)
class LargeRows:
    """Which rows of the large tables go: those of batches that lose decisions, and those that lose outcomes."""

    decided: tuple[str, ...]
    seen: tuple[str, ...]
    span: IdSpan

    @classmethod
    def of(cls, connection: Connection, going: Sequence[Expiring]) -> LargeRows:
        """What goes of all of these."""
        decided, seen = (
            tuple(one for what in going if part in what.parts for one in what.batch_ids)
            for part in ("decisions", "outcomes")
        )
        return cls(decided, seen, ids_of_batches(connection, {*decided, *seen}))

    def delete(self, connection: Connection, month: date | None) -> None:
        """Delete them; those of a ``month`` by dropping it, unless it holds others or others work on it for seconds."""
        if month is None or not self._has_dropped(connection, month):
            self._delete(connection)
            self._delete_groups(connection)

    def _has_dropped(self, connection: Connection, month: date) -> bool:
        begin, end = ids_of_month(month)
        self._delete(connection, lambda own: or_(own < begin, own >= end))
        try:
            with connection.begin_nested():
                gone = [connection.execute(self._counted(one)).scalar_one() for one in (decision_row, *_OF_OUTCOMES)]
                self._delete_groups(connection)
                drop_month(connection, month, gone)
        except MonthStays:
            return False
        return True

    def _delete(
        self, connection: Connection, where: Callable[[ColumnElement[str]], ColumnElement[bool]] | None = None
    ) -> None:
        for table in (*_OF_OUTCOMES, delivery, decision_row):
            also = () if where is None else (where(table.c.decision_id),)
            connection.execute(delete(table).where(*self._are(table), *also))

    def _counted(self, table: Table[Any]) -> Select[Any]:
        return select(func.count()).select_from(table).where(*self._are(table))

    def _are(self, table: Table[Any]) -> tuple[ColumnElement[bool], ...]:
        own = self.seen if table in _OF_OUTCOMES else self.decided
        span = self.span.holds(table.c.decision_id)
        if table is decision_row:
            groups = select(decision_group.c.group_id).where(decision_group.c.batch_id.in_(own))
            return (table.c.group_id.in_(groups), *span)
        return (table.c.decision_id.in_(own_ids(own, self.span)), *span)

    def _delete_groups(self, connection: Connection) -> None:
        connection.execute(delete(decision_group).where(decision_group.c.batch_id.in_(self.decided)))
