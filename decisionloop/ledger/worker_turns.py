"""Runs that workers did: that a worker lives, and how much memory a turn takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from decisionloop.ledger.schema import worker_turn
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

WATCHDOG: Final = "watchdog"
"""The flow whose scheduled runs say that a worker lives."""
RECENT = 20
MIB = 2**20
"""So many turns are looked back on for their memory."""


@dataclass(frozen=True)
class WorkerTurn:
    """A run of a flow. ``peak_bytes``: the most that its process has held in memory by its end, None: not known.

    ``is_scheduled``: nobody asked for it, so that it says that server, schedule and worker work.
    """

    run_id: str
    use_case: str
    flow: str
    host: str
    is_scheduled: bool
    peak_bytes: int | None
    at: datetime


@dataclass(frozen=True)
class TurnMemory:
    """The memory that turns took: the last one, and the most of the last ``RECENT``. Bytes."""

    last_bytes: int
    most_bytes: int
    turns: int

    def as_text(self) -> str:
        """In a sentence, in MiB (2**20 bytes)."""
        most = f"; at most {self.most_bytes / MIB:,.0f} MiB in the last {self.turns} turns" if self.turns > 1 else ""
        return f"the process of the last turn held {self.last_bytes / MIB:,.0f} MiB at most{most}"


def append_worker_turn(target: Ledger | Connection, new: WorkerTurn) -> bool:
    """Keep a run; False where it is kept already."""
    return facts.add(target, worker_turn, [new]) == 1


def last_sign_of_life(source: Ledger | Connection, use_case: str) -> datetime | None:
    """When a scheduled watchdog ran last, None before the first."""
    table = worker_turn.c
    where = (table.use_case == use_case, table.flow == WATCHDOG, table.is_scheduled.is_(True))
    with facts.reading(source) as connection:
        return connection.execute(select(func.max(table.at)).where(*where)).scalar()


def turn_memory(source: Ledger | Connection, use_case: str) -> TurnMemory | None:
    """What turns other than watchdogs took; None before the first."""
    table = worker_turn.c
    where = (table.use_case == use_case, table.flow != WATCHDOG, table.peak_bytes.is_not(None))
    statement = select(table.peak_bytes).where(*where).order_by(table.at.desc()).limit(RECENT)
    with facts.reading(source) as connection:
        took = [int(peak) for peak in connection.execute(statement).scalars() if peak is not None]
    return TurnMemory(took[0], max(took), len(took)) if took else None
