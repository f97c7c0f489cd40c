"""The links of a ledger's chain and what they keep to make their leaves again: how they are read and appended."""

from __future__ import annotations

import json
import uuid
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from decisionloop.audit.chain import BEGINNING, FORMAT, Layout, Link, layout_text
from decisionloop.audit.commitments import hints_of, leaves_of, new_secret, salts_from
from decisionloop.audit.merkle import EMPTY_ROOT, root_of
from decisionloop.errors import IntegrityError
from decisionloop.ledger.audit.covered import COVERED
from decisionloop.ledger.schema import audit_block, audit_entry, batch_event, decision_row, erased_leaf, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.storage.engine import Ledger

BLOCK_ROWS = 65_536
_LOCK = "audit_chain"
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Block:
    """What a block of a link keeps beside its layout; see `AuditBlockColumns`."""

    seq: int
    block: int
    secret: bytes | None
    salts: bytes | None
    hints: bytes
    row_keys: bytes | None

    def all_salts(self, rows: int) -> bytes:
        """The salts of its rows, those of erased ones zeros; none where it keeps them twice, which nothing writes."""
        if self.secret is None:
            return self.salts or b""
        return salts_from(self.secret, rows) if self.salts is None else b""

    def may_hold(self, keys: Sequence[tuple[str, ...]]) -> bool:
        """Whether one of ``keys``, which are sorted, may be among its own: they are between its first and its last.

        What it keeps need not be read whole for that, and most blocks are of other times than what goes together.
        """
        if self.row_keys is None or not keys:
            return False
        said = self._unpacked(self.row_keys)
        begin, end = said.find('["', 1), said.rfind('["')
        if begin < 0:
            return False  # all of them are gone
        try:
            first, last = (tuple(_DECODER.raw_decode(said, at)[0]) for at in (begin, end))
        except ValueError:
            return True  # a key that holds what keys are set between
        place = bisect_left(keys, first)
        return len(first) != len(last) or (place < len(keys) and keys[place] <= last)

    def key_list(self) -> list[tuple[str, ...] | None]:
        """Whose rows its leaves are, in order; None where a row was erased. Raises IntegrityError for damaged ones."""
        found = json.loads(self._unpacked(self.row_keys)) if self.row_keys is not None else []
        return [None if one is None else tuple(one) for one in found]

    def _unpacked(self, row_keys: bytes) -> str:
        try:
            return zlib.decompress(row_keys).decode()
        except (zlib.error, UnicodeDecodeError) as error:
            raise IntegrityError(
                f"what link {self.seq} keeps of whose rows its leaves are (block {self.block}) is damaged: {error}. "
                "Restore the last backup that was verified."
            ) from error


@dataclass(frozen=True)
class NewBlock:
    """Leaves that are to become part of a link."""

    layout: Layout
    secret: bytes
    leaves: list[bytes]
    keys: bytes | None

    @classmethod
    def of(cls, table: str, columns: Sequence[str], texts: Any, keys: Sequence[tuple[str, ...]] | None) -> NewBlock:
        """Commit to encoded rows under a new secret."""
        secret = new_secret()
        leaves = leaves_of(texts, salts_from(secret, len(texts)))
        return cls(Layout(table, tuple(columns), len(leaves)), secret, leaves, None if keys is None else packed(keys))


@dataclass(frozen=True)
class NewLink:
    """A link that waits for its place."""

    kind: str
    subject: str
    blocks: tuple[NewBlock, ...]
    root: str
    detail: str = "{}"

    @classmethod
    def of(cls, kind: str, subject: str, blocks: Sequence[NewBlock]) -> NewLink:
        """The link over the leaves of these blocks, in their order."""
        return cls(kind, subject, tuple(blocks), root_of([leaf for one in blocks for leaf in one.leaves]).hex())


def packed(keys: Sequence[tuple[str, ...] | None]) -> bytes:
    """Keys as a block keeps them."""
    return zlib.compress(json.dumps(keys, ensure_ascii=False, separators=(",", ":")).encode(), 3)


def links_of(source: Ledger | Connection) -> tuple[Link, ...]:
    """The chain, from its first link on."""
    return facts.every(source, Link, audit_entry, order_by=[audit_entry.c.seq])


def blocks_of(source: Ledger | Connection, seq: int) -> tuple[Block, ...]:
    """The blocks of one link, in order."""
    return facts.every(source, Block, audit_block, audit_block.c.seq == seq, order_by=[audit_block.c.block])


def erased_leaves(source: Ledger | Connection, seq: int) -> dict[int, bytes]:
    """The commitments of a link's rows that are gone, by their place (from 0)."""
    columns = (erased_leaf.c.leaf, erased_leaf.c.commitment)
    with facts.reading(source) as connection:
        rows = connection.execute(select(*columns).where(erased_leaf.c.seq == seq)).all()
    return {int(leaf): bytes.fromhex(commitment) for leaf, commitment in rows}


def lock_chain(connection: Connection) -> None:
    """Be the only one who adds to the chain, or takes rows from under it, until this transaction ends."""
    take_lock(connection, _LOCK, "")


def append_link(connection: Connection, new: NewLink) -> Link:
    """Append a link behind the last one; the caller holds the chain's lock, and opens the chain first."""
    last = facts.every(connection, Link, audit_entry, audit_entry.c.seq == _last_seq(connection))
    seq, previous = (last[0].seq + 1, last[0].hash) if last else (1, BEGINNING)
    layout, leaves = layout_text([one.layout for one in new.blocks]), sum(len(one.leaves) for one in new.blocks)
    link = Link(seq, new.kind, new.subject, leaves, new.root, layout, new.detail, utc_now(), previous)
    facts.add(connection, audit_entry, [link])
    blocks = [
        Block(seq, number, one.secret, None, hints_of(one.leaves), one.keys) for number, one in enumerate(new.blocks)
    ]
    facts.add(connection, audit_block, blocks)
    return link


def open_chain(ledger: Ledger) -> None:
    """Write the first link where there is none: which ledger this is, and how much was in it before."""
    with facts.reading(ledger) as connection:
        if _last_seq(connection):
            return
    with ledger.begin() as connection:
        lock_chain(connection)
        if not _last_seq(connection):
            append_link(connection, NewLink("start", "", (), EMPTY_ROOT.hex(), _beginning(connection)))


def _last_seq(connection: Connection) -> int:
    return connection.execute(select(func.max(audit_entry.c.seq))).scalar() or 0


def _beginning(connection: Connection) -> str:
    """How many rows were there before the chain: they are chained from now on as they are found now."""
    counted = {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in {**COVERED, "decision": decision_row}.items()
    }
    before = {name: many for name, many in counted.items() if many}
    began = connection.execute(select(func.min(batch_event.c.at))).scalar()
    content = {"format": FORMAT, "ledger": uuid.uuid4().hex, "found": before, "first_batch_at": began}
    return facts.canonical_json(content)
