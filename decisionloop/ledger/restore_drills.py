"""Drills of restoring: which backup was read whole and decided again, how long that took, or what did not work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from decisionloop.ledger.schema import restore_drill, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

KIND: Final = "restore_drill"
"""The kind of the alert that tells of one that failed."""


@dataclass(frozen=True)
class RestoreDrill:
    """One drill, told to the people of ``use_case``; ``decisions`` of ``batch_id`` were the same bit for bit.

    ``taken_at`` and ``bytes``: of the backup; None and 0 where there was none. ``failure``: "" where all worked.
    """

    use_case: str
    seq: int
    engine: str
    taken_at: datetime | None
    bytes: int
    seconds: float
    batch_id: str | None
    decisions: int
    failure: str
    at: datetime

    def as_text(self) -> str:
        """In a sentence."""
        day = f"{self.at:%Y-%m-%d %H:%M} ({self.engine})"
        if self.failure or self.taken_at is None:
            return f"{day}: failed: {self.failure}"
        told = f"{self.decisions:,} decisions of {self.batch_id} were the same" if self.batch_id else "none to decide"
        size = f"{self.bytes / 1e6:,.0f} MB of {self.taken_at:%Y-%m-%d %H:%M}"
        return f"{day}: {size} restored elsewhere and checked in {self.seconds:.1f} s; {told}"


def append_restore_drill(ledger: Ledger, new: RestoreDrill) -> RestoreDrill:
    """Keep a drill under the next number of its use case; returns it with that and the present time."""
    table = restore_drill
    with ledger.begin() as connection:
        kept = replace(new, seq=facts.next_seq(connection, table, table.c.use_case == new.use_case), at=utc_now())
        facts.add(connection, table, [kept])
    return kept


def restore_drills(source: Ledger | Connection, use_case: str) -> tuple[RestoreDrill, ...]:
    """The drills of a use case, oldest first."""
    table = restore_drill.c
    return facts.every(source, RestoreDrill, restore_drill, table.use_case == use_case, order_by=[table.seq])
