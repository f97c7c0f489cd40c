"""What is wrong with the loop as a machine, from facts of the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from decisionloop.contract.watchdog import Watchdog

LoopTrouble = Literal["late_batch", "outbox", "worker"]
"""The kinds of alert about the loop itself. A drill that failed is told by the drill."""
LOOP_TROUBLES: tuple[LoopTrouble, ...] = get_args(LoopTrouble)


@dataclass(frozen=True)
class LoopFacts:
    """How far the loop is at ``now``.

    ``undecided_due``: the last due time whose batch is to be decided by now and is not; ``undecided_state``: the state
    that it is in, "" where it was never begun. ``oldest_waiting``: since when the oldest of ``waiting`` actions waits
    that nobody holds. ``last_turn_at``: when a scheduled `watchdog` of a worker ran last, None before its first.
    """

    use_case: str
    now: datetime
    undecided_due: datetime | None = None
    undecided_state: str = ""
    waiting: int = 0
    oldest_waiting: datetime | None = None
    last_turn_at: datetime | None = None


@dataclass(frozen=True)
class LoopFinding:
    """Something that is wrong with the loop, since ``since``, and what to do first."""

    kind: LoopTrouble
    since: datetime
    words: str
    remedy: str


def due_by(terms: Watchdog, now: datetime) -> datetime:
    """Batches of due times up to this one are to be decided by ``now``."""
    return now - timedelta(hours=terms.batch_late_hours)


def troubles(facts: LoopFacts, terms: Watchdog) -> tuple[LoopFinding, ...]:
    """What is wrong with the loop, one finding a kind at most."""
    return (*_late_batch(facts, terms), *_stuck_outbox(facts, terms), *_silent_worker(facts, terms))


def _late_batch(facts: LoopFacts, terms: Watchdog) -> Iterator[LoopFinding]:
    if facts.undecided_due is None:
        return
    how = f"it is {facts.undecided_state}" if facts.undecided_state else "it was never begun"
    yield LoopFinding(
        "late_batch",
        facts.undecided_due,
        f"The batch that was due on {_moment(facts.undecided_due)} was to be decided within "
        f"{terms.batch_late_hours:g} h, and {how}.",
        f"See that a worker runs and the schedule is on; `decisionloop run {facts.use_case} --catch-up` decides it "
        "now.",
    )


def _stuck_outbox(facts: LoopFacts, terms: Watchdog) -> Iterator[LoopFinding]:
    oldest = facts.oldest_waiting
    if oldest is None or facts.now - oldest <= timedelta(minutes=terms.outbox_minutes):
        return
    yield LoopFinding(
        "outbox",
        oldest,
        f"The outbox does not drain: {facts.waiting:,} actions wait that nobody holds, the oldest since "
        f"{_moment(oldest)}.",
        f"See whether their receiver answers; `decisionloop run {facts.use_case}` sends what waits.",
    )


def _silent_worker(facts: LoopFacts, terms: Watchdog) -> Iterator[LoopFinding]:
    last = facts.last_turn_at
    if last is None or facts.now - last <= timedelta(minutes=terms.worker_silent_minutes):
        return
    yield LoopFinding(
        "worker",
        last,
        f"The worker is gone: no scheduled run of `watchdog` since {_moment(last)}.",
        "Start the worker again; if it runs, look at the Prefect server and at the schedule of the deployment "
        "`watchdog`.",
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
