"""Sealing: what no link of the chain holds yet becomes leaves of new ones.

It happens after decisions were made, in transactions of its own, so that whoever decides waits for none of it. Rows are
hashed outside of the transaction that appends their link, which holds the chain's lock for no longer than it writes.
Killed anywhere, what was not chained waits still; two at once chain each row once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, tuple_

from decisionloop.audit.chain import Link
from decisionloop.ledger.audit.covered import COVERED, DECISION, GROUP_COLUMNS, ROW_COLUMNS
from decisionloop.ledger.audit.links import BLOCK_ROWS, NewBlock, NewLink, append_link, lock_chain, open_chain
from decisionloop.ledger.audit.rows import WaitingRows, decisions_of, waiting_rows
from decisionloop.ledger.batches import DECIDED_STATES
from decisionloop.ledger.schema import audit_entry, audit_waiting, batch_event, decision_group
from decisionloop.ledger.storage.awaiting_audit import KEYS
from decisionloop.ledger.storage.engine import Ledger

BATCH, FACTS = "batch", "facts"


@dataclass(frozen=True)
class Sealed:
    """How many links were added, and how many rows they hold."""

    links: int
    rows: int


def seal(ledger: Ledger) -> Sealed:
    """Chain every batch that is decided and every fact that waits; of what others chain meanwhile nothing is done."""
    open_chain(ledger)
    added = [_seal_batch(ledger, batch_id) for batch_id in batches_to_seal(ledger)]
    limit = BLOCK_ROWS
    while tables := _waiting_tables(ledger):
        link = _seal_facts(ledger, tables, limit)
        # Rows that came in between the ones that were read are in no leaf: the next, smaller round finds them.
        limit = BLOCK_ROWS if link is not None else max(1, limit // 2)
        added.append(link)
    links = [one for one in added if one is not None]
    return Sealed(len(links), sum(one.leaves for one in links))


def batches_to_seal(ledger: Ledger) -> list[str]:
    """Decided batches that no link holds, in their order."""
    chained = select(audit_entry.c.subject).where(audit_entry.c.kind == BATCH)
    decided = select(batch_event.c.batch_id).where(
        batch_event.c.state.in_(DECIDED_STATES), batch_event.c.batch_id.not_in(chained)
    )
    has_rows = decided.where(batch_event.c.batch_id.in_(select(decision_group.c.batch_id)))
    with ledger.connect() as connection:
        return list(connection.execute(has_rows.distinct().order_by(batch_event.c.batch_id)).scalars())


def _seal_batch(ledger: Ledger, batch_id: str) -> Link | None:
    found = decisions_of(ledger, batch_id)
    columns = (*ROW_COLUMNS, *GROUP_COLUMNS)
    blocks = [NewBlock.of(DECISION, columns, texts, None) for texts in found.texts(columns)]
    new = NewLink.of(BATCH, batch_id, blocks)
    with ledger.begin() as connection:
        lock_chain(connection)
        return None if _is_chained(connection, batch_id) else append_link(connection, new)


def _is_chained(connection: Connection, batch_id: str) -> bool:
    there = select(audit_entry.c.seq).where(audit_entry.c.subject == batch_id, audit_entry.c.kind == BATCH).limit(1)
    return connection.execute(there).first() is not None


def _waiting_tables(ledger: Ledger) -> list[Table[Any]]:
    statement = select(audit_waiting.c.table_name).distinct().order_by(audit_waiting.c.table_name)
    with ledger.connect() as connection:
        return [COVERED[name] for name in connection.execute(statement).scalars()]


def _seal_facts(ledger: Ledger, tables: list[Table[Any]], limit: int) -> Link | None:
    """One link over what waits in these tables, at most ``limit`` rows of each; None where others were faster."""
    found = [rows for table in tables if len((rows := waiting_rows(ledger, table, limit)).keys)]
    blocks = [NewBlock.of(one.table, one.columns, one.texts, one.keys) for one in found]
    new = NewLink.of(FACTS, "", blocks)
    with ledger.begin() as connection:
        lock_chain(connection)
        if not all(_take_away(connection, one) for one in found):
            connection.rollback()
            return None
        return append_link(connection, new)


def _take_away(connection: Connection, rows: WaitingRows) -> bool:
    """Take away what no longer waits: all between the first and the last key; whether those were these rows alone."""
    first, last = (_padded(rows.keys[end]) for end in (0, -1))
    waiting = tuple_(*(audit_waiting.c[name] for name in KEYS))
    where = (audit_waiting.c.table_name == rows.table, waiting >= first, waiting <= last)
    taken = connection.execute(delete(audit_waiting).where(*where)).rowcount
    return taken == len(rows.keys)


def _padded(key: tuple[str, ...]) -> tuple[str, ...]:
    return (*key, *([""] * (len(KEYS) - len(key))))


def count_waiting(connection: Connection) -> int:
    """How many facts no link holds yet."""
    return connection.execute(select(func.count()).select_from(audit_waiting)).scalar_one()
