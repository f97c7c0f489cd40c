"""Drills of kill switch and rollback: what each took, or what did not work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from decisionloop.ledger.schema import drill, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

KIND: Final = "drill"
"""The kind of the alert that tells of one that failed or has become slower."""


@dataclass(frozen=True)
class Drill:
    """One drill, told to the people of ``use_case``. ``engine``: of its throw-away ledger, "sqlite" or "postgresql".

    ``kill_switch_seconds``: from engaging the switch to a batch that only rules have decided.
    ``rollback_seconds``: from asking for a rollback to a batch that the release before has decided. None where it did
    not come to that. ``failure``: what did not work, "" where all did.
    """

    use_case: str
    seq: int
    engine: str
    kill_switch_seconds: float | None
    rollback_seconds: float | None
    failure: str
    at: datetime

    def as_text(self) -> str:
        """In a sentence."""
        day = f"{self.at:%Y-%m-%d %H:%M} ({self.engine})"
        if self.failure:
            return f"{day}: failed: {self.failure}"
        return (
            f"{day}: the rules decided {self.kill_switch_seconds:.1f} s after the kill switch, the release before "
            f"{self.rollback_seconds:.1f} s after the rollback"
        )


def append_drill(ledger: Ledger, new: Drill) -> Drill:
    """Keep a drill under the next number of its use case; returns it with that and the present time."""
    with ledger.begin() as connection:
        kept = replace(new, seq=facts.next_seq(connection, drill, drill.c.use_case == new.use_case), at=utc_now())
        facts.add(connection, drill, [kept])
    return kept


def drills(source: Ledger | Connection, use_case: str) -> tuple[Drill, ...]:
    """The drills of a use case, oldest first."""
    return facts.every(source, Drill, drill, drill.c.use_case == use_case, order_by=[drill.c.seq])
