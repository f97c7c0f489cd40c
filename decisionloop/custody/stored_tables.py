"""Tables of the snapshot store without the rows of one person: what is left keeps its place, and theirs is null."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from decisionloop.errors import IntegrityError
from decisionloop.ledger.personal_data import PersonsDecision
from decisionloop.ledger.schema import batch_part, rewritten_snapshot, snapshot
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.observe.entity_money import entity_codes
from decisionloop.snapshots import SnapshotStore

_CODES = "entity"
"""The column of the codes in a table of money by entity."""


def rewrite_without(
    store: SnapshotStore, ledger: Ledger, decisions: Collection[PersonsDecision], entity: str, names: Collection[str]
) -> dict[str, str]:
    """Rewrite every table that holds something of a person; returns the sha256 of what each holds since, by digest.

    Rows go in which a text is one of ``names`` (the person's id, ids of decisions), and those at the place of the
    person's features in tables that are laid out like them. Money of theirs that counts in sums becomes somebody's of
    whom nothing else is known. A file that is missing is left to a restore.
    """
    rows_of = _rows_beside(ledger, decisions)
    code, nobody = entity_codes([entity])[0], np.uint64(secrets.randbits(64))
    with ledger.connect() as connection:
        digests = list(connection.execute(select(snapshot.c.digest).where(snapshot.c.rows > 0)).scalars())
        recorded = connection.execute(select(rewritten_snapshot.c.digest, rewritten_snapshot.c.content)).all()
    said = {(digest, content) for digest, content in recorded}
    written: dict[str, str] = {}
    for digest in digests:
        try:
            table = store.get_table(digest)
        except IntegrityError:
            continue
        is_gone = _holding(table, names)
        is_gone[[row for row in rows_of.get(digest, ()) if row < len(table)]] = True
        if (of_nobody := with_code(table, code, nobody)) is not None:
            written[digest] = store.rewrite_table(digest, of_nobody)
        elif is_gone.any():
            written[digest] = store.rewrite_table(digest, without_rows(table, is_gone))
        elif (content := store.rewritten_content(digest)) and (digest, content) not in said:
            store.forget_earlier(digest)
            written[digest] = content  # by an erasure that was killed before the ledger said so
    return written


def with_code(table: pa.Table, code: np.uint64, other: np.uint64) -> pa.Table | None:
    """A table of money by entity (`observe.entity_money`) with another code for one; None where it holds none of it."""
    if _CODES not in table.column_names or table.schema.field(_CODES).type != pa.uint64():
        return None
    codes = table[_CODES].to_numpy()
    if not (codes == code).any():
        return None
    place = table.column_names.index(_CODES)
    return table.set_column(place, table.schema.field(_CODES), pa.array(np.where(codes == code, other, codes)))


def without_rows(table: pa.Table, is_gone: np.ndarray) -> pa.Table:
    """The table with null in every column of these rows (n,)."""
    mask = pa.array(is_gone)
    columns = [pc.if_else(mask, pa.scalar(None, column.type), column) for column in table.columns]
    return pa.table(columns, names=table.column_names)


def _holding(table: pa.Table, names: Collection[str]) -> np.ndarray:
    """Which rows (n,) have one of the names as a text, or a whole number that is one of them as the key would be."""
    found = np.zeros(len(table), dtype=bool)
    texts = pa.array(sorted(names), pa.string())
    for column in table.columns:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            found |= pc.is_in(column.cast(pa.string()), texts).to_numpy()
    return found


def _rows_beside(ledger: Ledger, decisions: Collection[PersonsDecision]) -> Mapping[str, set[int]]:
    """The person's rows in tables that one part of a batch left in as many rows as its features."""
    rows: dict[str, set[int]] = {}
    columns = (batch_part.c.attempt, batch_part.c.part, batch_part.c.rows, batch_part.c.digest)
    with ledger.connect() as connection:
        for one in decisions:
            rows.setdefault(one.snapshot_digest, set()).add(one.snapshot_row)
            found = connection.execute(select(*columns).where(batch_part.c.batch_id == one.batch_id)).all()
            own = {(attempt, part, many) for attempt, part, many, digest in found if digest == one.snapshot_digest}
            for attempt, part, many, digest in found:
                if (attempt, part, many) in own:
                    rows.setdefault(digest, set()).add(one.snapshot_row)
    return rows
