"""The links of the chain: each hashes what it says and the link before it, so that none can be changed or left out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

FORMAT = "decisionloop-audit-1"
BEGINNING = "0" * 64
"""What the first link says of the one before it."""


@dataclass(frozen=True)
class Layout:
    """One block of a link's leaves: rows of which table, and which columns of them were hashed, in their order."""

    table: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Link:
    """One link; ``kind`` is start, batch or facts, ``subject`` the batch, ``layout`` and ``detail`` are JSON text."""

    seq: int
    kind: str
    subject: str
    leaves: int
    root: str
    layout: str
    detail: str
    at: datetime
    previous: str
    hash: str = ""

    def __post_init__(self) -> None:
        if not self.hash:
            object.__setattr__(self, "hash", self.computed_hash())  # frozen for everybody else

    def plain(self) -> dict[str, str | int]:
        """What is hashed, as JSON shows it."""
        return {
            "seq": self.seq,
            "kind": self.kind,
            "subject": self.subject,
            "leaves": self.leaves,
            "root": self.root,
            "layout": self.layout,
            "detail": self.detail,
            "at": _time_text(self.at),
            "previous": self.previous,
        }

    def computed_hash(self) -> str:
        """SHA-256 of the format and of all that the link says, as JSON without blanks, keys sorted."""
        return sha256(canonical({"format": FORMAT, **self.plain()})).hexdigest()

    @property
    def blocks(self) -> tuple[Layout, ...]:
        """Its layout, block by block."""
        return tuple(Layout(table, tuple(columns), rows) for table, columns, rows in json.loads(self.layout))


def layout_text(blocks: Sequence[Layout]) -> str:
    """A layout as a link keeps it."""
    return json.dumps([[one.table, list(one.columns), one.rows] for one in blocks], separators=(",", ":"))


def canonical(content: dict[str, str | int]) -> bytes:
    """The one way in which what is hashed or signed is written."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def first_broken(links: Sequence[Link]) -> tuple[int, str] | None:
    """The first place (from 1) at which links are no chain, and why; None where they are one."""
    previous = BEGINNING
    for place, link in enumerate(links, start=1):
        if link.seq != place:
            return place, f"link {place} is missing: {link.seq} is there instead"
        if link.previous != previous:
            return place, f"link {place} does not follow the one before it"
        if link.computed_hash() != link.hash:
            return place, f"link {place} ({link.kind} {link.subject}) says something else than its hash"
        previous = link.hash
    return None


def _time_text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
