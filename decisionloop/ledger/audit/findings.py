"""What verifying a ledger may find."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was chained: at which link, which row, and what became of it.

    ``what``: changed, added, removed, reordered, unreadable, truncated or unguarded.
    """

    seq: int
    row: str
    what: str
    words: str


@dataclass(frozen=True)
class Verified:
    """What was checked, and what was found, the earliest link first.

    ``proven_to``: the last link that a checkpoint vouches for, 0 where none does. ``unproven``: rows of later links,
    and rows that no link holds yet.
    """

    ledger: str
    links: int
    rows: int
    erased: int
    proven_to: int
    unproven: int
    findings: tuple[Finding, ...] = field(default=())

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was chained."""
        return not self.findings
