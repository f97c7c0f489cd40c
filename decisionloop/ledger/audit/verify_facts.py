"""Whether the facts of every table are those that the chain committed to, and which is the first that is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from sqlalchemy import ColumnElement, select

from decisionloop.audit.chain import Layout, Link
from decisionloop.audit.commitments import HINT_BYTES, SALT_BYTES, encoded, first_difference, hints_of, leaves_of
from decisionloop.audit.merkle import root_of
from decisionloop.errors import IntegrityError
from decisionloop.ledger.audit.covered import COVERED, key_columns
from decisionloop.ledger.audit.findings import Finding
from decisionloop.ledger.audit.links import Block, blocks_of, erased_leaves
from decisionloop.ledger.audit.rows import UNREADABLE, gone_while_waiting, keys_of, read
from decisionloop.ledger.schema import audit_waiting
from decisionloop.ledger.storage.awaiting_audit import KEYS
from decisionloop.ledger.storage.engine import Ledger


@dataclass
class TableOfFacts:
    """A table as it is: its rows by their keys, their texts, and the keys that a link has accounted for."""

    rows: pa.Table
    place: dict[tuple[str, ...], int]
    texts: dict[tuple[str, ...], pa.Array] = field(default_factory=dict)
    chained: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def read(cls, ledger: Ledger, name: str, *where: ColumnElement[bool]) -> TableOfFacts:
        """Read a table whole, or some rows of it."""
        table = COVERED[name]
        rows = read(ledger, select(table).where(*where).order_by(*key_columns(table)), many=name in _LARGE)
        return cls(rows, {key: place for place, key in enumerate(keys_of(rows, table))})

    def texts_of(self, columns: tuple[str, ...]) -> pa.Array:
        """What its rows say (n,) over these columns."""
        if columns not in self.texts:
            self.texts[columns] = encoded(self.rows.select(list(columns)))
        return self.texts[columns]


_LARGE = {"outcome", "execution", "posted_outcome", "stream_segment", "withdrawn_decision"}
Tables = dict[str, TableOfFacts]


def verify_facts(ledger: Ledger, links: Sequence[Link]) -> tuple[int, list[Finding]]:
    """How many rows were checked, and what was found, at most one finding a block."""
    tables: Tables = {name: TableOfFacts.read(ledger, name) for name in COVERED}
    findings = [one for link in links for one in _verify_link(ledger, link, tables)]
    findings += _strangers(ledger, tables, links[-1].seq if links else 0)
    return sum(len(one.chained) for one in tables.values()), findings


def _verify_link(ledger: Ledger, link: Link, tables: Tables) -> Iterator[Finding]:
    blocks, layout, erased = blocks_of(ledger, link.seq), link.blocks, erased_leaves(ledger, link.seq)
    if [block.block for block in blocks] != list(range(len(layout))):
        yield Finding(link.seq, f"link {link.seq}", "removed", f"what link {link.seq} keeps of its rows is incomplete")
        return
    leaves: list[bytes] = []
    start, is_found = 0, False
    for block, said in zip(blocks, layout, strict=True):
        gone = {leaf - start: erased[leaf] for leaf in erased if start <= leaf < start + said.rows}
        start += said.rows
        try:
            made, finding = _verify_block(link, block, said, tables[said.table], gone)
        except (IntegrityError, *UNREADABLE) as error:  # its own findings; those of other links stay
            made, finding = [], Finding(link.seq, said.table, "unreadable", f"{said.table}: {error}")
        leaves += made
        if finding is not None:
            is_found = True
            yield finding
    if not is_found and root_of(leaves).hex() != link.root:
        words = f"facts of link {link.seq}, or what it keeps of them, were written anew: they do not give its root"
        yield Finding(link.seq, f"link {link.seq}", "changed", words)


def _verify_block(
    link: Link, block: Block, said: Layout, table: TableOfFacts, gone: dict[int, bytes]
) -> tuple[list[bytes], Finding | None]:
    """The leaves of a block as its rows give them, and the first row that is not as it was."""
    keys, salts = block.key_list(), block.all_salts(said.rows)
    if not len(keys) == said.rows == len(salts) // SALT_BYTES == len(block.hints) // HINT_BYTES:
        return [], Finding(link.seq, said.table, "removed", f"what link {link.seq} keeps of {said.table} is incomplete")
    places: list[int | None] = []
    for number, key in enumerate(keys):
        place = None if key is None else table.place.get(key)
        if place is None and number not in gone:
            named = f"{said.table} {' '.join(key or ())}".strip()
            return [], Finding(link.seq, named, "removed", f"{named} was removed (link {link.seq})")
        places.append(None if number in gone else place)
    table.chained.update(key for key in keys if key is not None)
    texts = table.texts_of(said.columns).take(pa.array(places, pa.int64())).fill_null("")
    made = [gone.get(number, leaf) for number, leaf in enumerate(leaves_of(texts, salts))]
    first = first_difference(block.hints, hints_of(made))
    if first is None:
        return made, None
    named = f"{said.table} {' '.join(keys[first] or ())}".strip()
    return made, Finding(link.seq, named, "changed", f"{named} was changed (link {link.seq})")


def _strangers(ledger: Ledger, tables: Tables, last: int) -> Iterator[Finding]:
    """Rows that no link holds, although they do not wait for one: what was written past the triggers; and what waits
    and is gone."""
    columns = (audit_waiting.c.table_name, *(audit_waiting.c[name] for name in KEYS))
    with ledger.connect() as connection:
        waiting = {(row[0], tuple(row[1:])) for row in connection.execute(select(*columns)).all()}
    for name, table in tables.items():
        width = len(key_columns(COVERED[name]))
        for key in table.place:
            padded = (*key, *([""] * (len(KEYS) - width)))
            if key not in table.chained and (name, padded) not in waiting:
                named = f"{name} {' '.join(key)}"
                yield Finding(last + 1, named, "added", f"{named} was added: no link holds it, and it waits for none")
                break
    for name, key in gone_while_waiting(ledger):
        named = f"{name} {' '.join(key)}"
        yield Finding(last + 1, named, "removed", f"{named} was removed before a link held it")
