"""A release on trial in a world in which it is known what it does: is harm stopped, and is what does none let be?

Harm is injected into a release that the gate had let on trial: inverted scores, 20 ms of latency, NaN for one category,
a cut-off biased against one group, yes to everybody. Whatever looks at it is what the loop calls after every batch
(`monitor.canary`, the bets of `learn.comparison`, the steps of `learn.ramp`). Beside what it decided and lost until it
was stopped stands what it would have lost had everybody been switched until the first outcomes came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from benchmarks.canary_years.life import AT_ONCE, End, Life, live
from benchmarks.canary_years.releases import BETTER, BROKEN_DRAW, HARMFUL, HARMLESS, WORSE, Tried
from benchmarks.canary_years.world import PER_WEEK, WEEKS
from benchmarks.figures import Figure

STOPPED, LET_BE, PROMOTED = 0.95, 0.05, 0.8
"""Goals: of harmful releases at least, of harmless ones at most so many are stopped; so many better ones decide."""


def measure(is_quick: bool) -> Iterator[Figure]:
    """100 runs of each release (5 when quick)."""
    runs = 5 if is_quick else 100
    for tried in HARMFUL:
        yield from _harmful(tried, lives(tried, runs, is_on_trial=True))
    for tried in HARMLESS:
        yield from _harmless(tried, lives(tried, runs, is_on_trial=True))
    yield from _better(BETTER, lives(BETTER, runs))
    yield from _in_money(WORSE, lives(WORSE, runs, is_on_trial=True))
    broken = lives(BROKEN_DRAW, runs, is_on_trial=True)
    yield Figure(f"{BROKEN_DRAW.name}: stopped, {runs} runs", share(broken, "stopped"), "share")


def lives(tried: Tried, runs: int, is_on_trial: bool = False) -> list[Life]:
    """So many lives of a release, each in a world of its own; see `life.live`."""
    return [live(tried, seed, WEEKS, is_on_trial) for seed in range(runs)]


def share(told: Sequence[Life], *ends: End) -> float:
    """Share of the lives that ended so."""
    return float(np.mean([one.end in ends for one in told]))


def _harmful(tried: Tried, told: Sequence[Life]) -> Iterator[Figure]:
    name = f"{tried.name}, {len(told)} runs"
    yield Figure(f"stopped: {name}", share(told, "stopped"), "share", goal=STOPPED)
    yield from _cost(tried, told)


def _harmless(tried: Tried, told: Sequence[Life]) -> Iterator[Figure]:
    name = f"{tried.name}, {len(told)} runs"
    yield Figure(f"stopped: {name}", share(told, "stopped"), "share", goal=LET_BE, better="lower")
    yield Figure(f"refused, as it surely earns no more: {name}", share(told, "refused"), "share")


def _better(tried: Tried, told: Sequence[Life]) -> Iterator[Figure]:
    name = f"{tried.name}, {len(told)} runs"
    yield Figure(f"decides for everybody within the year: {name}", share(told, "champion"), "share", goal=PROMOTED)
    weeks = [one.weeks if one.end == "champion" else np.inf for one in told]
    yield Figure(f"weeks until then, median: {name}", float(np.median(weeks)), "weeks")
    yield Figure(f"stopped: {name}", share(told, "stopped"), "share", goal=LET_BE, better="lower")


def _in_money(tried: Tried, told: Sequence[Life]) -> Iterator[Figure]:
    """Only outcomes tell: betting that the champion earns more ends it."""
    name = f"{tried.name}, {len(told)} runs"
    yield Figure(f"stopped or refused: {name}", share(told, "stopped", "refused"), "share", goal=STOPPED)
    yield from _cost(tried, told)


def _cost(tried: Tried, told: Sequence[Life]) -> Iterator[Figure]:
    mean = partial(np.mean, axis=0)
    touched, lost, at_once, weeks = mean([(one.touched, one.lost, one.at_once, one.weeks) for one in told]).tolist()
    beside = f"everybody at once, {AT_ONCE} weeks"
    yield Figure(f"weeks until then, mean: {tried.name}", weeks, "weeks")
    yield Figure(f"decisions that it made: {tried.name}", touched, "decisions", beside, float(AT_ONCE * PER_WEEK))
    yield Figure(f"money that it lost: {tried.name}", lost, "EUR", beside, at_once)
