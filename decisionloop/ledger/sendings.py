"""Chunks of actions on their way out: said before one is sent and after.

So nobody is told that nothing leaves any more while a request is under way in another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection, exists

from decisionloop.ledger.schema import sending, sending_end, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

SendingStatus = Literal["delivered", "failed"]


@dataclass(frozen=True)
class Sending:
    """A chunk of ``actions`` actions that a process began to send at ``at``; by ``until`` it is done, or dead."""

    sending_id: str
    use_case: str
    batch_id: str
    chunk: int
    actions: int
    at: datetime
    until: datetime

    def as_text(self) -> str:
        """Which chunk it is, for people."""
        return (
            f"chunk {self.chunk} of {self.batch_id} ({self.actions:,} actions, begun {self.at:%Y-%m-%d %H:%M:%S} UTC)"
        )


@dataclass(frozen=True)
class SendingEnd:
    """How a sending ended."""

    sending_id: str
    status: SendingStatus
    at: datetime


def begin_sending(
    target: Ledger | Connection, use_case: str, batch_id: str, chunk: int, actions: int, longest_seconds: float
) -> Sending:
    """Say that a chunk is about to be sent, which takes ``longest_seconds`` at most."""
    now = utc_now()
    begun = Sending(uuid4().hex, use_case, batch_id, chunk, actions, now, now + timedelta(seconds=longest_seconds))
    facts.add(target, sending, [begun])
    return begun


def is_known_sending(source: Ledger | Connection, sending_id: str) -> bool:
    """Whether this ledger knows of a sending."""
    return facts.one(source, Sending, sending, sending.c.sending_id == sending_id) is not None


def end_sending(target: Ledger | Connection, sending_id: str, status: SendingStatus) -> None:
    """Say how a sending ended; what was said first stands."""
    facts.add(target, sending_end, [SendingEnd(sending_id, status, utc_now())])


def unended_sendings(source: Ledger | Connection, use_case: str) -> tuple[Sending, ...]:
    """Sendings of which no end is known, oldest first: under way, or left by a process that was killed.

    One whose chunk was sent again since, and delivered, is settled.
    """
    again = sending.alias("again")
    is_ended = exists().where(sending_end.c.sending_id == sending.c.sending_id)
    is_settled = exists().where(
        again.c.batch_id == sending.c.batch_id,
        again.c.chunk == sending.c.chunk,
        again.c.at > sending.c.at,
        sending_end.c.sending_id == again.c.sending_id,
        sending_end.c.status == "delivered",
    )
    where = (sending.c.use_case == use_case, ~is_ended, ~is_settled)
    return facts.every(source, Sending, sending, *where, order_by=[sending.c.at, sending.c.sending_id])
