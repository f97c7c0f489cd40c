"""Whether the decisions of a batch are those that its link of the chain committed to, and which one is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import pyarrow as pa

from decisionloop.audit.chain import Link
from decisionloop.audit.commitments import HINT_BYTES, SALT_BYTES, first_difference, hints_of, leaves_of
from decisionloop.audit.merkle import root_of
from decisionloop.ledger.audit.findings import Finding
from decisionloop.ledger.audit.links import blocks_of, erased_leaves
from decisionloop.ledger.audit.rows import DecisionRows, decisions_of
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class Committed:
    """What a link committed to: salts and hints of all of its leaves, and the commitments of those that are gone."""

    link: Link
    salts: bytes
    hints: bytes
    erased: dict[int, bytes]

    @classmethod
    def read(cls, ledger: Ledger, link: Link) -> Committed | None:
        """None where what the link keeps is not of as many leaves as it says."""
        blocks, layout = blocks_of(ledger, link.seq), link.blocks
        if len(blocks) != len(layout):
            return None
        salts = b"".join(block.all_salts(one.rows) for block, one in zip(blocks, layout, strict=True))
        hints = b"".join(block.hints for block in blocks)
        is_in_order = [block.block for block in blocks] == list(range(len(layout)))
        has_no_keys = all(block.row_keys is None for block in blocks)  # decisions are in the order of their ids
        is_whole = len(salts) == SALT_BYTES * link.leaves and len(hints) == HINT_BYTES * link.leaves
        return (
            cls(link, salts, hints, erased_leaves(ledger, link.seq))
            if is_whole and has_no_keys and is_in_order
            else None
        )

    @cached_property
    def places(self) -> list[int]:
        """The places of the leaves whose rows are there, in order."""
        return [place for place in range(self.link.leaves) if place not in self.erased]

    def salt(self, place: int) -> bytes:
        """The salt of one leaf."""
        return self.salts[SALT_BYTES * place : SALT_BYTES * (place + 1)]

    def is_hinted(self, place: int, text: bytes) -> bool:
        """Whether a text is what the leaf at a place seems to have committed to."""
        hint = self.hints[HINT_BYTES * place : HINT_BYTES * (place + 1)]
        return sha256(b"\x00" + self.salt(place) + text).digest()[:HINT_BYTES] == hint


def leaves_of_batch(found: DecisionRows, committed: Committed) -> list[bytes]:
    """The leaves of the rows that are there, each with the salt of the place that it would have."""
    leaves: list[bytes] = []
    for texts in found.texts(committed.link.blocks[0].columns if committed.link.blocks else ()):
        leaves += leaves_of(texts, _salts_of(committed, len(leaves), len(texts)))
    return leaves


def all_leaves(leaves: Sequence[bytes], committed: Committed) -> list[bytes]:
    """These leaves, with the commitments of rows that are gone at their places."""
    if not committed.erased:
        return list(leaves)
    whole, present = [b""] * committed.link.leaves, iter(leaves)
    for place in range(committed.link.leaves):
        whole[place] = committed.erased.get(place) or next(present)
    return whole


def verify_batch(ledger: Ledger, link: Link) -> tuple[int, Finding | None]:
    """How many rows were checked, and the first that is not as it was."""
    committed, found = Committed.read(ledger, link), decisions_of(ledger, link.subject)
    if committed is None:
        return 0, Finding(
            link.seq, link.subject, "removed", f"what link {link.seq} keeps of {link.subject} is incomplete"
        )
    leaves = leaves_of_batch(found, committed)
    if len(leaves) == len(committed.places):
        whole = all_leaves(leaves, committed)
        if root_of(whole).hex() == link.root:
            return len(leaves), _of_hints(whole, committed)
    return len(leaves), _located(found, leaves, committed)


def _of_hints(leaves: list[bytes], committed: Committed) -> Finding | None:
    """By them a changed row is found later: that they were changed is told while the rows are as they were."""
    if hints_of(leaves) == committed.hints:
        return None
    seq, batch = committed.link.seq, committed.link.subject
    words = f"what link {seq} keeps to find decisions of {batch} by was changed; the decisions are as they were"
    return Finding(seq, f"link {seq}", "changed", words)


def _located(found: DecisionRows, leaves: list[bytes], committed: Committed) -> Finding:
    hints = committed.hints
    if committed.erased:
        hints = b"".join(hints[HINT_BYTES * place : HINT_BYTES * (place + 1)] for place in committed.places)
    first = first_difference(hints, hints_of(leaves))
    seq, batch, ids = committed.link.seq, committed.link.subject, found.ids
    if first is None:
        words = f"decisions of {batch}, or what link {seq} keeps of them, were written anew: they do not give its root"
        return Finding(seq, batch, "changed", words)
    what = _what_became(found, first, committed)
    if what == "removed":
        before = f"after {ids[first - 1]}" if first else "the first"
        return Finding(seq, f"{batch} row {first}", what, f"a decision of {batch} was removed: {before}, place {first}")
    return Finding(seq, ids[first], what, f"decision {ids[first]} of {batch} was {what}")


def _what_became(found: DecisionRows, first: int, committed: Committed) -> str:
    places = committed.places
    if first >= len(found.rows):
        return "removed"
    if first >= len(places):
        return "added"
    texts = list(_first_texts(found, committed.link.blocks[0].columns, first + 2))
    if len(texts) > first + 1 and committed.is_hinted(places[first], texts[first + 1]):
        return "added"
    if first + 1 < len(places) and committed.is_hinted(places[first + 1], texts[first]):
        return "removed"
    return "changed"


def _first_texts(found: DecisionRows, columns: Sequence[str], many: int) -> Iterator[bytes]:
    some = DecisionRows(found.rows.slice(0, many), found.groups)
    for texts in some.texts(columns):
        yield from texts.cast(pa.binary()).to_pylist()


def _salts_of(committed: Committed, start: int, rows: int) -> bytes:
    if not committed.erased:
        salts = committed.salts[SALT_BYTES * start : SALT_BYTES * (start + rows)]
    else:
        salts = b"".join(committed.salt(place) for place in committed.places[start : start + rows])
    return salts.ljust(SALT_BYTES * rows, b"\x00")  # a row too many has none
