"""A large batch from freezing to the ledger and its outbox, beside scikit-learn's ``predict_proba`` of the same rows.

Frozen, validated, scored by a champion, a shadow and the rules, explained, decided with propensities, logged: every
stage as in production, two parts at a time on two cores. ``predict_proba`` has its frame in memory, all cores, and
nothing to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.batch_growth import growth
from benchmarks.figures import Figure, Spread, Value
from benchmarks.large_batch.run import predict_proba
from benchmarks.large_batch.runs import Installation, Run, folder
from benchmarks.postgresql import postgresql
from benchmarks.processes import call_apart
from benchmarks.timing import RUNS, Taken

IN_TURN = "SQLite, one part after another"
GOALS = {"SQLite": 1.5, "PostgreSQL": 1.5, "SQLite, without reasons": 1.0, IN_TURN: None}
GOAL_OF_GROWTH = 1.1
GOAL_GIB = 2.0
GIB = 2**30


def measure(is_quick: bool) -> Iterator[Figure]:
    """1,000,000 rows on both engines; 10,000 to 10,000,000 on SQLite, once each (to 50,000, once, when quick)."""
    rows, count = (50_000, 1) if is_quick else (1_000_000, RUNS)
    made = folder()
    with postgresql() as new_database:
        sqlite, bare = Installation(made, rows), Installation(made, rows, reasons=0)
        on_postgresql = Installation(made, rows, new_database=new_database)
        setups: dict[str, Callable[[], Run]] = {
            "SQLite": lambda: sqlite.decided(runner="threads"),
            "PostgreSQL": lambda: on_postgresql.decided(runner="threads"),
            "SQLite, without reasons": lambda: bare.decided(runner="threads"),
            IN_TURN: sqlite.decided,
        }
        runs: dict[str, list[Run]] = {name: [] for name in setups}
        peer: list[Taken] = []
        for _ in range(count):
            for name, decide in setups.items():
                runs[name].append(decide())
            peer.append(Taken(**call_apart(predict_proba, sqlite.usecases).answer))
        yield from _figures(rows, runs, peer)
        sizes = {10_000: Installation(made, 10_000).decided(), rows: runs[IN_TURN][0]}
        if not is_quick:
            sizes |= {n: Installation(made, n).decided() for n in (100_000, 10_000_000)}
            yield from _ten_times(10_000_000, sizes[10_000_000], rows, runs[IN_TURN])
        yield from growth({n: run.decided for n, run in sizes.items()})


def _figures(rows: int, runs: dict[str, list[Run]], peer: list[Taken]) -> Iterator[Figure]:
    wall, cpu = Spread.of(one.wall for one in peer), Spread.of(one.cpu for one in peer)
    for name, taken in runs.items():
        title, ours = f"{rows:,} rows decided, {name}", Spread.of(run.decided.wall for run in taken)
        yield Figure(title, ours, "s", "predict_proba", wall, GOALS[name], "lower", is_goal_of_ratio=True)
        yield Figure(title, Spread.of(run.decided.cpu for run in taken), "CPU s", "predict_proba", cpu)
        yield _peak(title, taken)
    stages = runs[IN_TURN][0].decided.stages
    for stage in stages:
        took = Spread.of(run.decided.stages[stage] for run in runs[IN_TURN])
        yield Figure(f"{rows:,} rows, stage {stage}, SQLite", took, "CPU s", "predict_proba", cpu)
    stored = runs["SQLite"][0].decided.bytes_stored / rows
    yield Figure(f"{rows:,} rows decided, SQLite", stored, "bytes stored a decision")


def _peak(title: str, runs: list[Run]) -> Figure:
    peak: Value = Spread.of(run.peak_bytes / GIB for run in runs)
    return Figure(title, peak, "GiB peak memory", goal=GOAL_GIB, better="lower")


def _ten_times(rows: int, run: Run, fewer: int, smaller: list[Run]) -> Iterator[Figure]:
    """Ten times the rows in the same memory, and what a row costs there."""
    title, beside = f"{rows:,} rows decided, SQLite", f"of {fewer:,} rows"
    yield _peak(title, [run])
    each = Spread.of(1e6 * one.decided.cpu / fewer for one in smaller)
    took = 1e6 * run.decided.cpu / rows
    yield Figure(title, took, "CPU µs a row", beside, each, GOAL_OF_GROWTH, "lower", is_goal_of_ratio=True)
    each = Spread.of(1e6 * one.decided.wall / fewer for one in smaller)
    yield Figure(title, 1e6 * run.decided.wall / rows, "µs a row", beside, each, better="lower")
