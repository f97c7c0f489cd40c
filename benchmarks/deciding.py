"""Where the time of a group of requests goes once they are read: one row, and sixteen, stage by stage.

The use case of `benchmarks.online`: a champion, a shadow, exact reasons, a ledger on SQLite. Each stage is the function
that the service calls, of other rows each time. Milliseconds of the process; of a hundred times the tenth part counts,
for what else the machine does only adds. The service reads and answers a request in some tenths more.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from benchmarks.figures import Figure
from benchmarks.large_batch.run import Setup
from benchmarks.online_servers.asked import rows_asked
from benchmarks.online_servers.ours import install_online
from benchmarks.processes import call_apart

if TYPE_CHECKING:
    from decisionloop.stream.asked import AskedRow
    from decisionloop.stream.deciders import Deciders
    from decisionloop.stream.desk import Desk

T = TypeVar("T")
SIZES, TIMES, COUNTED, WARMING_UP = (1, 16), 100, 10, 10
WHOLE, CLOCK = "the whole group", "the whole group, by the clock"
REMEMBERED = "besides, once in two seconds: the home remembers it"
ASKED_AT_START = "besides, at the start: whether the ledger knows it"


def measure(is_quick: bool) -> Iterator[Figure]:
    """Each stage beside the whole group, for both sizes."""
    with tempfile.TemporaryDirectory(prefix="decisionloop-benchmark-") as name:
        setup = Setup(str(Path(name) / "home"), str(Path(name) / "usecases"))
        Path(setup.home).mkdir()
        call_apart(install_online, asdict(setup))
        found: Mapping[str, Mapping[str, float]] = call_apart(decided, asdict(setup), 30 if is_quick else TIMES).answer
    for size, took in found.items():
        for stage, ms in took.items():
            beside = ("", None) if stage in (WHOLE, CLOCK) else (WHOLE, took[WHOLE])
            yield Figure(f"rows decided together: {size}; {stage}", ms, "ms", *beside)


def decided(setup: dict[str, object], times: int) -> dict[str, dict[str, float]]:
    """The milliseconds of each stage by the number of rows, in a process of its own."""
    Setup(**setup).enter()  # type: ignore[arg-type]
    from decisionloop.settings import load_settings
    from decisionloop.stream.asked import AskedRow
    from decisionloop.stream.deciders import read_deciders
    from decisionloop.stream.desk import open_desk

    desk, asked = open_desk("large_batch", load_settings()), rows_asked()
    found = {}
    for size in SIZES:
        stages = _Stages()
        for group in range(WARMING_UP + times):
            some = [asked[(group * size + one) % len(asked)] for one in range(size)]
            with_ids = [AskedRow(f"{size} {group} {one}", values) for one, values in enumerate(some)]
            deciders = read_deciders(desk)
            whole, wall = time.process_time(), time.perf_counter()
            segment_id = _decide(desk, deciders, with_ids, stages)
            stages.add(WHOLE, time.process_time() - whole)
            stages.add(CLOCK, time.perf_counter() - wall)
            _remember(desk, segment_id, stages)
        found[str(size)] = stages.milliseconds()
    return found


class _Stages:
    """Seconds of each stage, once a group; the first groups load what the others find, and are not counted."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def add(self, stage: str, seconds: float) -> None:
        self._seconds[stage].append(seconds)

    def of(self, stage: str, work: Callable[[], T]) -> T:
        begun = time.process_time()
        done = work()
        self.add(stage, time.process_time() - begun)
        return done

    def milliseconds(self) -> dict[str, float]:
        kept = {stage: seconds[WARMING_UP:] for stage, seconds in self._seconds.items()}
        return {stage: 1_000 * float(np.percentile(seconds, COUNTED)) for stage, seconds in kept.items()}


def _remember(desk: Desk, segment_id: str, stages: _Stages) -> None:
    """What is done behind the answers, and what is asked when the service starts."""
    from decisionloop.stream.answered_before import hold_models_of_an_older_ledger, remember_answer

    stages.of(REMEMBERED, lambda: remember_answer(desk.workspace, segment_id))
    stages.of(ASKED_AT_START, lambda: hold_models_of_an_older_ledger(desk.workspace))


def _decide(desk: Desk, deciders: Deciders, rows: list[AskedRow], stages: _Stages) -> str:
    """What `stream.decider` does of a group; returns its segment."""
    from decisionloop.ledger.schema import utc_now
    from decisionloop.stream.answers import answers_as_json
    from decisionloop.stream.asked import frame_of
    from decisionloop.stream.committing import commit
    from decisionloop.stream.decide import decide

    frame = stages.of("its frame", lambda: frame_of(desk.use_case, rows))
    done = stages.of("decided and explained", lambda: decide(desk, deciders, frame, utc_now()))
    stages.of("answered", lambda: answers_as_json(desk.use_case, done))
    return stages.of("kept", lambda: commit(desk, [done], []))
