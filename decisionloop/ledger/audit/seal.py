"""Sealing: what no link of the chain holds yet becomes leaves of new ones.

It happens after decisions were made, in transactions of its own, so that whoever decides waits for none of it. Rows are
hashed outside of the transaction that appends their link, which holds the chain's lock for no longer than it writes.
Killed anywhere, what was not chained waits still; two at once chain each row once.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, literal, select, tuple_

from decisionloop.audit.chain import Link
from decisionloop.ledger.audit.covered import COVERED, DECISION, GROUP_COLUMNS, ROW_COLUMNS
from decisionloop.ledger.audit.links import BLOCK_ROWS, NewBlock, NewLink, append_link, lock_chain, open_chain
from decisionloop.ledger.audit.rows import WaitingRows, decisions_of, waiting_rows, waits_for
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
    # What waits and is gone stays so: whoever verifies is told of it.
    while found := _waiting(ledger, limit):
        link = _seal_facts(ledger, found)
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


def _waiting(ledger: Ledger, limit: int) -> list[WaitingRows]:
    """What waits, at most ``limit`` rows of each table."""
    statement = select(audit_waiting.c.table_name).distinct().order_by(audit_waiting.c.table_name)
    with ledger.connect() as connection:
        tables = [COVERED[name] for name in connection.execute(statement).scalars()]
    return [rows for table in tables if len((rows := waiting_rows(ledger, table, limit)).keys)]


def _seal_facts(ledger: Ledger, found: list[WaitingRows]) -> Link | None:
    """One link over rows that wait; None where others were faster."""
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
    waiting = tuple_(*(audit_waiting.c[name] for name in KEYS))
    table = COVERED[rows.table]
    is_there = select(literal(1)).select_from(table).where(waits_for(table)).correlate(audit_waiting).exists()
    where = (audit_waiting.c.table_name == rows.table, waiting >= rows.first, waiting <= rows.last, is_there)
    taken = connection.execute(delete(audit_waiting).where(*where)).rowcount
    return taken == len(rows.keys)


def count_waiting(connection: Connection) -> int:
    """How many facts no link holds yet."""
    return connection.execute(select(func.count()).select_from(audit_waiting)).scalar_one()
