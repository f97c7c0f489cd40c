"""What ten, a hundred and a thousand times as many decisions would cost: a cost model, fitted here and tried here.

Batches of several sizes are decided (freeze, validate, score, explain, decide, log), one part after another, on SQLite,
each several times in processes of their own: of every stage the least CPU seconds count, for whatever else the machine
does only adds. A model fitted to the smaller ones is tried on the largest, which it has not seen; fitted to all of
them it is tried on ten million rows, run once, and asked for what was not run. Fifty small use cases on one ledger are
lived. What is predicted and not measured says so in its name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.cost_model import CostModel, least, stages_with_rest
from benchmarks.figures import Figure
from benchmarks.large_batch.runs import Installation, folder
from benchmarks.many_batches.life import TurnTaken, live
from benchmarks.many_batches.side_by_side import Round, live_side_by_side, name_of, one_turn_apart
from benchmarks.processes import call_apart

RUNS = {10_000: 5, 30_000: 5, 100_000: 4, 300_000: 3, 1_000_000: 2}
QUICK_RUNS = {10_000: 5, 30_000: 4, 100_000: 3}
FAR, QUICK_FAR = 10_000_000, 300_000
"""How often each size is run; a long run meets less of what else the machine does by chance."""
TURNS, WARM_UP_TURNS = 12, 6
USE_CASES, QUICK_USE_CASES, ROUNDS, APART = 50, 5, 3, 3
ERROR = 0.15
GIB = 2**30
A_DAY = 1_000_000
"""Decisions a day of an installation as it is now; 10, 100 and 1,000 times as many are asked about."""
HOURS, BATCH_ROWS, DAYS_KEPT = 4.0, 1_000_000, 760


def measure(is_quick: bool) -> Iterator[Figure]:
    """10,000 to 10,000,000 rows, and fifty use cases for three turns each (to 300,000 rows and five when quick)."""
    made = folder()
    stages, stored = {}, 0.0
    for rows, times in (QUICK_RUNS if is_quick else RUNS).items():
        installed = Installation(made, rows)
        runs = [installed.decided().decided for _ in range(times)]
        stages[rows] = least([stages_with_rest(run.stages, run.cpu) for run in runs])
        stored = runs[0].bytes_stored / rows
    *smaller, largest = sorted(stages)
    yield _tried(CostModel.fitted({rows: stages[rows] for rows in smaller}, stored), smaller, largest, stages[largest])
    model = CostModel.fitted(stages, stored)
    far = QUICK_FAR if is_quick else FAR
    run = Installation(made, far).decided()
    yield _tried(model, sorted(stages), far, stages_with_rest(run.decided.stages, run.decided.cpu))
    yield Figure(f"{far:,} rows in one batch", run.peak_bytes / GIB, "GiB peak memory")
    yield from _parts(model)
    yield from _one_use_case()
    yield from _many_use_cases(QUICK_USE_CASES if is_quick else USE_CASES)
    yield from _many_times(model)


def _tried(model: CostModel, seen: Sequence[int], rows: int, stages: Mapping[str, float]) -> Figure:
    """How far off a model fitted to runs of some sizes is on one that it has not ``seen``."""
    predicted, taken = model.seconds(rows), sum(stages.values())
    note = f"{predicted:.1f} CPU s predicted, {taken:.1f} taken"
    name = f"{rows:,} rows, predicted from {seen[0]:,} to {seen[-1]:,}"
    return Figure(name, abs(predicted / taken - 1), "share off", goal=ERROR, better="lower", note=note)


def _parts(model: CostModel) -> Iterator[Figure]:
    for stage in model.per_row:
        yield Figure(
            f"stage {stage}", model.rows_a_second(stage), "rows/CPU s", note=f"{model.fixed[stage]:.2f} a batch"
        )
    yield Figure("a decision", model.bytes_per_row, "bytes stored")


def _one_use_case() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="decisionloop-scale-") as home:
        turns = [TurnTaken(**one) for one in call_apart(live, home, TURNS).answer][WARM_UP_TURNS:]
    usual = [turn for turn in turns if not turn.is_trained]
    cpu = float(np.median([turn.cpu for turn in usual]))
    yield Figure("a turn of 300 rows, all of it", cpu, "CPU s")
    yield Figure("a turn of 300 rows: statements to the ledger", float(np.median([t.statements for t in usual])), "")


def _many_use_cases(count: int) -> Iterator[Figure]:
    """Turns an hour of so many use cases on one ledger: in a process that stays, and in a new one for each turn."""
    with tempfile.TemporaryDirectory(prefix="decisionloop-scale-") as home:
        rounds = [Round(**one) for one in call_apart(live_side_by_side, home, count, ROUNDS).answer][1:]
        apart = [call_apart(one_turn_apart, home, name_of(one), ROUNDS) for one in range(min(APART, count))]
    name, cpu = f"{count} use cases of 300 rows on one ledger", [turn for one in rounds for turn in one.turns]
    hot = 3_600 * count / min(one.wall for one in rounds)
    yield Figure(f"{name}: a turn", float(np.median(cpu)), "CPU s", note=f"{min(cpu):.2f} to {max(cpu):.2f}")
    yield Figure(f"{name}, one process that stays", hot, "turns an hour")
    started = float(np.median([one.answer for one in apart]))
    note = f"{started:.1f} CPU s a turn, its start included; without Prefect's own"
    yield Figure(f"{name}, a new process a turn, one core", 3_600 / started, "turns an hour", note=note)


def _many_times(model: CostModel) -> Iterator[Figure]:
    for times in (1, 10, 100, 1_000):
        rows = float(A_DAY * times)
        batches = max(1, round(rows / BATCH_ROWS))
        what = f"predicted: {rows:,.0f} decisions a day"
        note = f"batches of {BATCH_ROWS:,}"
        yield Figure(what, model.cores(rows, batches, HOURS), f"cores busy for {HOURS:g} hours", note=note)
        yield Figure(what, rows * model.bytes_per_row / GIB, "GiB a day")
        yield Figure(what, rows * DAYS_KEPT, f"decisions kept, {DAYS_KEPT} days")
