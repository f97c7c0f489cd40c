"""Rows as the chain hashes them: the decisions of a batch, and facts of a table by their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Select, Table, and_, literal, select

from decisionloop.audit.commitments import encoded, joined
from decisionloop.ledger.audit.covered import COVERED, GROUP_COLUMNS, ROW_COLUMNS, key_columns, key_text, waiting_as
from decisionloop.ledger.audit.links import BLOCK_ROWS
from decisionloop.ledger.id_spans import ids_of_batch
from decisionloop.ledger.schema import audit_waiting, decision_group, decision_row
from decisionloop.ledger.storage import frames
from decisionloop.ledger.storage.awaiting_audit import KEYS
from decisionloop.ledger.storage.engine import Ledger

UNREADABLE = (pa.ArrowException, ValueError, TypeError, KeyError, ArithmeticError)
"""What reading rows raises whose values are none of their columns' types."""
FEW_ROWS = 5_000
"""Up to so many are read one by one, which begins sooner."""


@dataclass(frozen=True)
class DecisionRows:
    """The decisions of a batch in the order of their ids: their own columns, the groups, and the group of each row."""

    rows: pa.Table
    groups: pa.Table

    @property
    def ids(self) -> list[str]:
        """Their ids (n,)."""
        return list(self.rows["decision_id"].to_pylist())

    def texts(self, columns: Sequence[str]) -> Iterator[pa.Array]:
        """Their texts, a block of `BLOCK_ROWS` at a time, over the columns that a layout names."""
        own = [name for name in columns if name in ROW_COLUMNS]
        common = encoded(self.groups.select([name for name in columns if name in GROUP_COLUMNS]))
        for start in range(0, len(self.rows), BLOCK_ROWS):
            rows = self.rows.slice(start, BLOCK_ROWS)
            member = pc.index_in(rows["group_id"].combine_chunks(), self.groups["group_id"].combine_chunks())
            yield joined([encoded(rows.select(own)), common.take(_whole(member))])


def decisions_of(ledger: Ledger, batch_id: str) -> DecisionRows:
    """The decisions of a batch; a row whose group says another batch is none of them."""
    where = decision_group.c.batch_id == batch_id
    groups = frames.read(ledger, select(decision_group).where(where).order_by(decision_group.c.group_id))
    ids = select(decision_group.c.group_id).where(where)
    span = ids_of_batch(ledger, batch_id).holds(decision_row.c.decision_id)
    found = select(decision_row).where(decision_row.c.group_id.in_(ids), *span).order_by(decision_row.c.decision_id)
    return DecisionRows(read(ledger, found, many=True), groups)


@dataclass(frozen=True)
class WaitingRows:
    """Rows of a table that wait for the chain, in the order of their keys; ``first`` and ``last``: as they wait."""

    table: str
    columns: tuple[str, ...]
    keys: list[tuple[str, ...]]
    texts: pa.Array
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()


def waiting_rows(ledger: Ledger, table: Table[Any], limit: int) -> WaitingRows:
    """The first rows of a table that wait, at most so many."""
    order = [audit_waiting.c[name] for name in KEYS]
    # A row that was written by hand may wait under another spelling of its key than ours.
    waiting = [column.label(f"waiting_{column.name}") for column in order]
    statement = select(table, *waiting).join(audit_waiting, waits_for(table)).order_by(*order).limit(limit)
    found = read(ledger, statement, many=False)
    rows = found.select([column.name for column in table.c])
    first, last = (
        tuple(found[one.name][place].as_py() for one in waiting) if len(found) else () for place in (0, len(found) - 1)
    )
    return WaitingRows(table.name, tuple(rows.column_names), keys_of(rows, table), encoded(rows), first, last)


def waits_for(table: Table[Any]) -> ColumnElement[bool]:
    """Whether what waits is a row of a table."""
    keys = enumerate(key_columns(table))
    return and_(
        audit_waiting.c.table_name == table.name, *(column == waiting_as(column, number) for number, column in keys)
    )


def gone_while_waiting(ledger: Ledger) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What waits for the chain and is gone: its table, and the key that its row had."""
    keys = [audit_waiting.c[name] for name in KEYS]
    with ledger.connect() as connection:
        names = connection.execute(select(audit_waiting.c.table_name).distinct()).scalars().all()
        for table in (COVERED[name] for name in sorted(names)):
            is_there = select(literal(1)).select_from(table).where(waits_for(table)).correlate(audit_waiting).exists()
            lost = select(*keys).where(audit_waiting.c.table_name == table.name, ~is_there).order_by(*keys)
            for key in connection.execute(lost).all():
                yield table.name, tuple(key)[: len(key_columns(table))]


def keys_of(rows: pa.Table, table: Table[Any]) -> list[tuple[str, ...]]:
    """The keys (n,) of rows of a table."""
    columns = [rows[column.name].to_pylist() for column in key_columns(table)]
    return [key_text(values) for values in zip(*columns, strict=True)]


def read(ledger: Ledger, statement: Select[Any], many: bool) -> pa.Table:
    """Rows as Arrow, by the way that suits how many are expected."""
    if many:
        return frames.read(ledger, statement)
    chunks = list(frames.read_in_chunks(ledger, statement, BLOCK_ROWS))
    return pa.concat_tables(chunks)


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
