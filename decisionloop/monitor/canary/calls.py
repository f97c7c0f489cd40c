"""How long one decision takes, the champion's and the release's by turns, so that a loaded machine cannot decide.

Whatever slows the machine down hits both in turn. The release's times are divided by the pace of the machine: how much
longer than its fastest call the champion's usually took. So a release is slow that would be so at the champion's best,
and the champion's calls, which are taken as they are, outnumber its slow ones where the machine is what is slow. A call
in which the operating system has taken the processor away is not counted, nor is the one beside it: the longer of two
calls would be hit more often. What a call waits for by itself (a lock, a network) is counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.monitor.canary.looks import Look

PAIRS = 200
"""Pairs of calls a batch: with 2 % of them too slow, three batches show it."""
WARM_UP = 10
"""Calls before the first one that counts: what is prepared once is prepared then."""
TAIL = 0.01
"""Share of calls that may take longer than the budget: its p99."""
_EVEN = 0.5

Clock = Callable[[], float]
Call = Callable[[], object]


@dataclass(frozen=True)
class TimedCalls:
    """``pairs`` of calls that were not disturbed, under a budget in milliseconds.

    ``slow``: pairs in which the release's call alone was over the budget, at the champion's best pace;
    ``champion_slow``: the champion's alone. ``p99``, ``champion_p99``: in milliseconds as they were, None without a
    pair.
    """

    budget_ms: float
    pairs: int
    slow: int
    champion_slow: int
    p99: float | None
    champion_p99: float | None


def times_taken_away() -> int:
    """How often the operating system has taken the processor away from this thread; 0 where it does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


def time_by_turns(
    calls: tuple[Call, Call],
    budget_ms: float,
    pairs: int = PAIRS,
    clock: Clock = time.perf_counter,
    taken_away: Callable[[], int] = times_taken_away,
) -> TimedCalls:
    """Time the release's and the champion's calls (in this order in ``calls``) by turns, each first every other time.

    ``clock`` in seconds. Raises what a call raises.
    """
    for call in calls * WARM_UP:
        call()
    took = np.full((pairs, 2), np.nan)
    for pair in range(pairs):
        for which in (0, 1) if pair % 2 else (1, 0):
            before, started = taken_away(), clock()
            calls[which]()
            ended = clock()
            took[pair, which] = 1000 * (ended - started) if taken_away() == before else np.nan
    took = took[np.isfinite(took).all(axis=1)]
    if not len(took):
        return TimedCalls(budget_ms, 0, 0, 0, None, None)
    pace = float(np.median(took[:, 1]) / took[:, 1].min()) if took[:, 1].min() > 0 else 1.0
    ours, theirs = took[:, 0] / pace > budget_ms, took[:, 1] > budget_ms
    tails = np.quantile(took, 1 - TAIL, axis=0).tolist()
    return TimedCalls(budget_ms, len(took), int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), *tails)


def slow_words(batches: Sequence[TimedCalls], error: float) -> str:
    """What is surely slow over all ``batches`` (one or more), in a sentence; "" where nothing surely is.

    More calls are over the budget than a p99 allows, and more than of the champion's between them.
    """
    look = Look(len(batches), error)
    pairs, slow, theirs = (sum(getattr(one, name) for one in batches) for name in ("pairs", "slow", "champion_slow"))
    if look.surely_above(slow, pairs, 2) <= TAIL or look.surely_above(slow, slow + theirs, 2) <= _EVEN:
        return ""
    last = batches[-1]  # the budget is the contract's now
    told = (
        f"Of {pairs:,} calls {slow:,} took longer than the budget of {last.budget_ms:g} ms while the champion's did not"
    )
    tails = (
        f"p99 {last.p99:.3g} ms, {last.champion_p99:.3g} ms of the champion" if last.p99 and last.champion_p99 else ""
    )
    return f"{told}, and {theirs:,} the other way round ({tails or 'last batch: no undisturbed call'})."
