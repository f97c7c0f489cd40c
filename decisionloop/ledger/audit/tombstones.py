"""Taking rows from under the chain: their commitments stay, their salts and keys go.

A salt that stayed would let who has it try persons until one fits the commitment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, select, update

from decisionloop.audit.chain import Link
from decisionloop.audit.commitments import NO_SALT, SALT_BYTES, leaves_of
from decisionloop.errors import IntegrityError
from decisionloop.ledger.audit.links import BLOCK_ROWS, Block, blocks_of, links_of, packed
from decisionloop.ledger.audit.rows import decisions_of
from decisionloop.ledger.audit.seal import BATCH, FACTS
from decisionloop.ledger.audit.verify_batch import Committed, leaves_of_batch, verify_batch
from decisionloop.ledger.audit.verify_facts import TableOfFacts
from decisionloop.ledger.schema import audit_block, audit_entry, erased_leaf
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.engine import Ledger

Key = tuple[str, ...]


@dataclass(frozen=True)
class Tombstone:
    """One leaf whose row goes: all that is left of it."""

    seq: int
    leaf: int
    commitment: str
    erasure_id: str


_STONES = pa.schema(
    [("seq", pa.int64()), ("leaf", pa.int64()), ("commitment", pa.string()), ("erasure_id", pa.string())]
)


@dataclass(frozen=True)
class Cut:
    """What becomes of the chain's own tables when rows go."""

    tombstones: tuple[Tombstone, ...]
    blocks: tuple[Block, ...]


def cut_decisions(ledger: Ledger, erasure_id: str, ids_of: Mapping[str, set[str]]) -> list[Cut]:
    """What is left of decisions (ids by batch) that go. Raises IntegrityError for a batch that is not as chained."""
    links = {link.subject: link for link in links_of(ledger) if link.kind == BATCH and link.subject in ids_of}
    return [_cut_batch(ledger, erasure_id, link, ids_of[batch_id]) for batch_id, link in links.items()]


def cut_facts(
    ledger: Ledger,
    connection: Connection,
    erasure_id: str,
    keys_of: Mapping[str, set[Key]],
    where: Mapping[str, ColumnElement[bool]] | None = None,
) -> list[Cut]:
    """What is left of facts (keys by table) that go, or are written anew; ``where``: which rows of a table they are.

    ``connection``: that of the transaction in which they go, which knows what it has cut before.
    """
    some = where or {}
    tables = {
        name: TableOfFacts.read(ledger, name, *([some[name]] if name in some else []))
        for name, keys in keys_of.items()
        if keys
    }
    links = [link for link in links_of(ledger) if link.kind == FACTS]
    ordered = {name: sorted(keys) for name, keys in keys_of.items()}
    cuts = [_cut_link(connection, erasure_id, link, tables, keys_of, ordered) for link in links]
    return [one for one in cuts if one.blocks]


def append_cuts(connection: Connection, cuts: Iterable[Cut]) -> int:
    """Write what is left, in the transaction in which the rows go; returns how many leaves that were."""
    leaves = 0
    for cut in cuts:
        stones = {one.name: [getattr(stone, one.name) for stone in cut.tombstones] for one in fields(Tombstone)}
        leaves += append(connection, erased_leaf, pa.table(stones, schema=_STONES), on_conflict="fail")
        for one in cut.blocks:
            where = (audit_block.c.seq == one.seq) & (audit_block.c.block == one.block)
            kept = {"secret": one.secret, "salts": one.salts, "row_keys": one.row_keys}
            connection.execute(update(audit_block).where(where).values(**kept))
    return leaves


def count_leaves(connection: Connection, erasure_id: str) -> int:
    """How many leaves an erasure left tombstones of."""
    found = select(erased_leaf.c.seq).where(erased_leaf.c.erasure_id == erasure_id)
    return len(connection.execute(found).all())


def batches_cut(ledger: Ledger) -> frozenset[str]:
    """Batches of which a decision was erased, so that what is left of them can be read and not decided again."""
    cut = select(audit_entry.c.subject).join(erased_leaf, erased_leaf.c.seq == audit_entry.c.seq)
    with ledger.connect() as connection:
        return frozenset(connection.execute(cut.where(audit_entry.c.kind == BATCH).distinct()).scalars())


def require_as_chained(ledger: Ledger, link: Link) -> None:
    """Raises IntegrityError where the decisions of a batch are not those that its link committed to."""
    _, finding = verify_batch(ledger, link)
    if finding is not None:
        raise IntegrityError(
            f"{finding.words}. What is erased must be what was chained: run `decisionloop audit verify`, and restore "
            "the ledger from a backup."
        )


def _cut_batch(ledger: Ledger, erasure_id: str, link: Link, ids: set[str]) -> Cut:
    require_as_chained(ledger, link)
    committed, found = Committed.read(ledger, link), decisions_of(ledger, link.subject)
    assert committed is not None  # what was verified is complete
    leaves = leaves_of_batch(found, committed)
    gone = {committed.places[row]: leaves[row] for row, one in enumerate(found.ids) if one in ids}
    blocks = []
    for block in blocks_of(ledger, link.seq):
        start = block.block * BLOCK_ROWS
        inside = [place - start for place in gone if start <= place < start + BLOCK_ROWS]
        if inside:
            blocks.append(_without_salts(block, link.blocks[block.block].rows, inside))
    stones = [Tombstone(link.seq, place, leaf.hex(), erasure_id) for place, leaf in gone.items()]
    return Cut(tuple(stones), tuple(blocks))


def _cut_link(
    connection: Connection,
    erasure_id: str,
    link: Link,
    tables: dict[str, TableOfFacts],
    keys_of: Mapping[str, set[Key]],
    ordered: Mapping[str, Sequence[Key]],
) -> Cut:
    stones, blocks, start = [], [], 0
    for block, said in zip(blocks_of(connection, link.seq), link.blocks, strict=True):
        if not block.may_hold(ordered.get(said.table, ())):
            start += said.rows
            continue
        keys, wanted = block.key_list(), keys_of[said.table]
        inside = [place for place, key in enumerate(keys) if key in wanted]
        if inside:
            table, salts = tables[said.table], block.all_salts(said.rows)
            rows = [table.place[key] for place in inside if (key := keys[place]) is not None]
            texts = table.texts_of(said.columns).take(pa.array(rows, pa.int64()))
            own = b"".join(salts[SALT_BYTES * place : SALT_BYTES * (place + 1)] for place in inside)
            made = zip(inside, leaves_of(texts, own), strict=True)
            stones += [Tombstone(link.seq, start + place, leaf.hex(), erasure_id) for place, leaf in made]
            gone = set(inside)
            left = [None if place in gone else key for place, key in enumerate(keys)]
            blocks.append(replace(_without_salts(block, said.rows, inside), row_keys=packed(left)))
        start += said.rows
    return Cut(tuple(stones), tuple(blocks))


def _without_salts(block: Block, rows: int, places: list[int]) -> Block:
    salts = bytearray(block.all_salts(rows))
    for place in places:
        salts[SALT_BYTES * place : SALT_BYTES * (place + 1)] = NO_SALT
    return replace(block, secret=None, salts=bytes(salts))
