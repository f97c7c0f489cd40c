"""How a time is taken: ours and the peer's runs in turn, so that what else the machine does meets both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Spread

T = TypeVar("T")

RUNS = 5
"""A figure is the median of at least so many runs."""


@dataclass(frozen=True)
class Taken:
    """What one run took, in seconds; ``cpu`` of all threads of the process that ran it."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Sample:
    """What several runs of the same took."""

    runs: tuple[Taken, ...]

    @property
    def wall(self) -> Spread:
        """Wall time in seconds."""
        return Spread.of(run.wall for run in self.runs)

    @property
    def cpu(self) -> Spread:
        """CPU time in seconds, of all threads."""
        return Spread.of(run.cpu for run in self.runs)


@dataclass(frozen=True)
class Fresh(Generic[T]):
    """A run that needs something new each time, which ``make`` prepares outside of the clock."""

    make: Callable[[], T]
    run: Callable[[T], object]


Run = Callable[[], object] | Fresh
"""What is timed. Returns a `Taken` where the work is done, and timed, in another process."""


def interleaved(count: int, runs: Mapping[str, Run], warm_ups: int = 0) -> dict[str, Sample]:
    """Time every run `count` times, in turn: a, b, a, b … `warm_ups` rounds before them are not counted."""
    rounds = [{name: taken(run) for name, run in runs.items()} for _ in range(warm_ups + count)][warm_ups:]
    return {name: Sample(tuple(one[name] for one in rounds)) for name in runs}


def taken(run: Run) -> Taken:
    """Time one run."""
    work = _prepared(run)
    wall, cpu = time.perf_counter(), time.process_time()
    told = work()
    after, cpu_after = time.perf_counter(), time.process_time()
    return told if isinstance(told, Taken) else Taken(after - wall, cpu_after - cpu)


def _prepared(run: Run) -> Callable[[], object]:
    if not isinstance(run, Fresh):
        return run
    subject = run.make()
    return lambda: run.run(subject)


@dataclass(frozen=True)
class Latency:
    """Seconds that single calls took: the median and the 99th percentile of each round of calls."""

    p50: Spread
    p99: Spread


def latencies(run: Callable[[T], object], subjects: Iterable[T]) -> NDArray[np.float64]:
    """Seconds of each call ``run(subject)``, one after another."""
    clock, found = time.perf_counter_ns, []
    for subject in subjects:
        start = clock()
        run(subject)
        found.append(clock() - start)
    return np.array(found) / 1e9


def interleaved_latencies(
    count: int, rounds: Mapping[str, Callable[[], NDArray[np.float64]]], warm_ups: int = 1
) -> dict[str, Latency]:
    """Take `count` rounds of calls of each, in turn; a round gives the seconds of its calls (see `latencies`)."""
    all_rounds = [{name: take() for name, take in rounds.items()} for _ in range(warm_ups + count)][warm_ups:]
    return {
        name: Latency(*(Spread.of(float(np.quantile(one[name], share)) for one in all_rounds) for share in (0.5, 0.99)))
        for name in rounds
    }
