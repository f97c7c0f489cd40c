"""Who is told next of what is critical and acknowledged by nobody."""

from __future__ import annotations

from datetime import datetime, timedelta

from decisionloop.contract.watchdog import Watchdog

LONGEST_SILENCE = timedelta(days=7)
"""What is older was there before anybody was named to be told; waking them now would be a storm."""


def told_by_now(terms: Watchdog, since: datetime, now: datetime) -> tuple[str, ...]:
    """The channels of ``escalate_to`` that are to be told by ``now``, in order.

    The first one after ``acknowledge_minutes``, the second after twice as many, and so on.
    """
    silence = now - since
    if not timedelta() <= silence <= LONGEST_SILENCE:
        return ()
    return terms.escalate_to[: int(silence / timedelta(minutes=terms.acknowledge_minutes))]
