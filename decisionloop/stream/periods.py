"""Which watching period a segment of the stream belongs to, and when that is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from decisionloop.contract import UseCase
from decisionloop.contract.online import Online
from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.stream import Segment, first_unsealed, minutes_of
from decisionloop.ledger.watching_periods import gathering, parts_sealed, unfinished_of_stream

GRACE = timedelta(minutes=1)
"""How long after a period what was decided in it may still be committed."""


@dataclass(frozen=True, order=True)
class WatchingPeriod:
    """What is one batch: the period of the as-of, that of the clock, and who decided, as JSON text.

    Both periods are one, but where somebody is decided as of an earlier one: these gather beside its batch, which is
    long looked at, until the present period is over.
    """

    begin: datetime
    decided_in: datetime
    deciders: str

    def is_over(self, online: Online, now: datetime) -> bool:
        """Whether nothing more comes into it."""
        return now >= self.decided_in + online.period + GRACE


def online_of(use_case: UseCase) -> Online:
    """How a contract is decided one at a time; as usual, where it no longer says that it is."""
    return use_case.online or Online()


def watching_period(online: Online, segment: Segment) -> WatchingPeriod:
    """The period that a segment is watched in."""
    begin = online.begin_of_period(segment.as_of)
    is_late = segment.decided_at - segment.as_of > GRACE
    return WatchingPeriod(
        begin, max(begin, online.begin_of_period(segment.decided_at)) if is_late else begin, segment.deciders
    )


def has_to_seal(ledger: Ledger, use_case: UseCase) -> bool:
    """Whether segments wait although their minutes are over, or a batch could be gone on with."""
    online, name, now = online_of(use_case), use_case.name, utc_now()
    first, minutes = first_unsealed(ledger, name), online.sealed_every_minutes
    if first is not None and minutes_of(first, minutes) < minutes_of(now, minutes):
        return True
    with ledger.connect() as connection:
        waiting = gathering(connection, name)
        if any(watching_period(online, one.first).is_over(online, now) for one in waiting):
            return True
        if {one.batch_id for one in waiting} != set(unfinished_of_stream(connection, name)):
            return True
        return any(
            len(parts_of(connection, one.batch_id, "features")) < len(parts_sealed(connection, one.batch_id))
            for one in waiting
        )
