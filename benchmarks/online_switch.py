"""How soon the kill switch holds while four workers decide under load, and whether a model decides after that.

The service of `benchmarks.online` is asked from 16 connections without pause. Meanwhile the switch is turned on and off
again: engaging is timed to its acknowledgement, and every segment that is in the ledger later, until the switch is off,
must be the rules'. Beside it stands a commit of one such transaction on the same ledger while nobody asks.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from benchmarks.online_servers.ours import ours
from benchmarks.online_servers.server import Server
from benchmarks.postgresql import postgresql
from decisionloop.ledger.kill_switch import engage, lift
from decisionloop.ledger.storage.engine import Ledger, open_ledger
from decisionloop.ledger.stream import unsealed_segments
from decisionloop.stream.deciders import Signed

WORKERS, CONNECTIONS, TURNS, WATCHED_SECONDS = 4, 16, 60, 0.25
MOST_MS = 100.0
USE_CASE, BY = "large_batch", "a benchmark"


@dataclass(frozen=True)
class _Turned:
    """Milliseconds to each acknowledgement, and what was kept between that and the switch being off again."""

    took: tuple[float, ...]
    by_models: int
    by_rules: int

    @property
    def p99(self) -> float:
        return float(np.percentile(self.took, 99))


def measure(is_quick: bool) -> Iterator[Figure]:
    """On both engines."""
    turns = 15 if is_quick else TURNS
    with tempfile.TemporaryDirectory(prefix="decisionloop-benchmark-") as name, postgresql() as new_database:
        folder = Path(name)
        for engine, url in (("SQLite", f"sqlite:///{folder}/SQLite/home/ledger.db"), ("PostgreSQL", new_database())):
            with ours(folder / engine, url, WORKERS) as server, open_ledger(url) as ledger:
                alone = _alone(ledger)
                yield from _figures(engine, alone, _under_load(server, ledger, turns))


def _alone(ledger: Ledger, times: int = 10) -> float:
    """The median of what engaging takes while nobody asks, in milliseconds."""
    took = []
    for _ in range(times):
        took.append(_engaged(ledger))
        lift(ledger, USE_CASE, "measured", BY, [BY])
    return float(np.median(took))


def _under_load(server: Server, ledger: Ledger, turns: int) -> _Turned:
    asking = threading.Thread(target=server.load, args=(CONNECTIONS, 3 + turns * (2 * WATCHED_SECONDS + 0.1)))
    asking.start()
    time.sleep(2)
    took, by_models, by_rules = [], 0, 0
    for _ in range(turns):
        took.append(_engaged(ledger))
        known = {one.segment_id for one in unsealed_segments(ledger, USE_CASE)}
        time.sleep(WATCHED_SECONDS)
        for one in unsealed_segments(ledger, USE_CASE):
            if one.segment_id not in known:
                is_ruled = bool(Signed.from_json(one.deciders).rules_because)
                by_rules, by_models = by_rules + one.rows * is_ruled, by_models + one.rows * (not is_ruled)
        lift(ledger, USE_CASE, "measured", BY, [BY])
        time.sleep(WATCHED_SECONDS)
    asking.join()
    return _Turned(tuple(took), by_models, by_rules)


def _engaged(ledger: Ledger) -> float:
    begun = time.perf_counter()
    engage(ledger, USE_CASE, "measured", BY, wait_seconds=5)
    return 1_000 * (time.perf_counter() - begun)


def _figures(engine: str, alone: float, found: _Turned) -> Iterator[Figure]:
    what, beside = f"kill switch, {WORKERS} workers, {engine}", "while nobody asks, median"
    yield Figure(f"{what}: p99 to its acknowledgement", found.p99, "ms", beside, alone, MOST_MS, "lower")
    yield Figure(f"{what}: median to its acknowledgement", float(np.median(found.took)), "ms", beside, alone)
    yield Figure(
        f"{what}: decisions of a model kept after that", found.by_models, "decisions", "of the rules", found.by_rules,
        0, "lower",
    )  # fmt: skip
