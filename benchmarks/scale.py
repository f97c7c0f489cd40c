"""What ten, a hundred and a thousand times as many decisions would cost: a cost model, fitted here and tried here.

Batches of several sizes are decided (freeze, validate, score, explain, decide, log), one part after another, on SQLite.
A model fitted to the smaller ones is tried on the largest; fitted to all it is asked for what was not run. A turn of a
small use case says what every batch costs beside its rows: observing, learning, the audit, and its questions to the
ledger. What is predicted and not measured says so in its name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import numpy as np

from benchmarks.cost_model import CostModel, stages_with_rest
from benchmarks.figures import Figure
from benchmarks.large_batch.runs import Installation, folder
from benchmarks.many_batches.life import TurnTaken, live
from benchmarks.processes import call_apart

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (10_000, 30_000, 100_000)
TURNS, WARM_UP_TURNS = 12, 6
ERROR = 0.15
GIB = 2**30
A_DAY = 1_000_000
"""Decisions a day of an installation as it is now; 10, 100 and 1,000 times as many are asked about."""
HOURS, BATCH_ROWS, DAYS_KEPT = 4.0, 1_000_000, 760


def measure(is_quick: bool) -> Iterator[Figure]:
    """10,000, 100,000 and 1,000,000 rows once each, and 12 turns of a small use case (to 100,000 rows when quick)."""
    sizes = QUICK_SIZES if is_quick else SIZES
    made = folder()
    runs = {rows: Installation(made, rows).decided().decided for rows in sizes}
    stages = {rows: stages_with_rest(run.stages, run.cpu) for rows, run in runs.items()}
    stored = runs[sizes[-1]].bytes_stored / sizes[-1]
    *smaller, largest = sizes
    tried = CostModel.fitted({rows: stages[rows] for rows in smaller}, stored).seconds(largest)
    off = abs(tried / runs[largest].cpu - 1)
    note = f"{tried:.1f} CPU s predicted, {runs[largest].cpu:.1f} taken"
    yield Figure(f"{largest:,} rows, predicted from fewer", off, "share off", goal=ERROR, better="lower", note=note)
    model = CostModel.fitted(stages, stored)
    yield from _parts(model)
    yield from _turn_and_fifty(model)
    yield from _many_times(model)


def _parts(model: CostModel) -> Iterator[Figure]:
    for stage in model.per_row:
        yield Figure(
            f"stage {stage}", model.rows_a_second(stage), "rows/CPU s", note=f"{model.fixed[stage]:.2f} a batch"
        )
    yield Figure("a decision", model.bytes_per_row, "bytes stored")
    yield Figure("predicted: 10,000,000 rows in one batch", model.seconds(1e7), "CPU s")


def _turn_and_fifty(model: CostModel) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="decisionloop-scale-") as home:
        turns = [TurnTaken(**one) for one in call_apart(live, home, TURNS).answer][WARM_UP_TURNS:]
    usual = [turn for turn in turns if not turn.is_trained]
    cpu = float(np.median([turn.cpu for turn in usual]))
    yield Figure("a turn of 300 rows, all of it", cpu, "CPU s")
    yield Figure("a turn of 300 rows: statements to the ledger", float(np.median([t.statements for t in usual])), "")
    yield Figure(
        "predicted: fifty such use cases, one core", 3_600 / cpu, "turns an hour", note=f"{50 * cpu:.0f} CPU s a round"
    )


def _many_times(model: CostModel) -> Iterator[Figure]:
    for times in (1, 10, 100, 1_000):
        rows = float(A_DAY * times)
        batches = max(1, round(rows / BATCH_ROWS))
        what = f"predicted: {rows:,.0f} decisions a day"
        note = f"batches of {BATCH_ROWS:,}"
        yield Figure(what, model.cores(rows, batches, HOURS), f"cores busy for {HOURS:g} hours", note=note)
        yield Figure(what, rows * model.bytes_per_row / GIB, "GiB a day")
        yield Figure(what, rows * DAYS_KEPT, f"decisions kept, {DAYS_KEPT} days")
