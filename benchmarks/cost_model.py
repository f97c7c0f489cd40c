"""What a batch costs by its rows: a fixed part and a part a row of every stage, fitted to runs of several sizes.

Stages that sort take the longer for a row the larger the batch: their part a row goes with the logarithm of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

SORTING = frozenset({"decide", "log"})
"""By draw and by id: `act.policy`, `ledger.decision_groups.in_order_of_ids`, and the index that rows go into."""
MILLION = 1e6


@dataclass(frozen=True)
class CostModel:
    """CPU seconds of each stage of a batch: ``fixed`` whatever its rows, and ``per_row``; `rest`: what no stage is.

    ``per_row`` of a stage that sorts is that of a batch of a million. ``bytes_per_row``: what a decision leaves in
    ledger and snapshots.
    """

    fixed: Mapping[str, float]
    per_row: Mapping[str, float]
    bytes_per_row: float

    @classmethod
    def fitted(cls, stages: Mapping[int, Mapping[str, float]], bytes_per_row: float) -> CostModel:
        """From the CPU seconds of the stages of runs, by their rows (two sizes or more).

        Each run counts by its relative error, and no part is negative: least squares under these two terms.
        """
        rows = np.array(sorted(stages), dtype=np.float64)
        parts = {}
        for stage in stages[int(rows[-1])]:
            taken = np.array([stages[int(one)][stage] for one in rows])
            weighted = np.column_stack([np.ones_like(rows), _size(stage, rows)]) / taken[:, None]
            parts[stage], _ = nnls(weighted, np.ones_like(rows))
        fixed, per_row = ({stage: float(part[place]) for stage, part in parts.items()} for place in (0, 1))
        return cls(fixed, per_row, bytes_per_row)

    def seconds(self, rows: float, batches: int = 1) -> float:
        """CPU seconds of ``rows`` decisions in so many batches."""
        each = np.array([rows / batches])
        return batches * sum(
            fixed + self.per_row[stage] * float(_size(stage, each)[0]) for stage, fixed in self.fixed.items()
        )

    def rows_a_second(self, stage: str) -> float:
        """How many rows one core takes through a stage in a second, without what a batch costs anyway."""
        return 1 / self.per_row[stage] if self.per_row[stage] else float("inf")

    def cores(self, rows_a_day: float, batches: int, hours: float) -> float:
        """Cores that decide a day's rows within so many hours, each busy all the time."""
        return self.seconds(rows_a_day, batches) / (3_600 * hours)


def _size(stage: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows (n,) as a stage feels them."""
    return rows * np.log2(np.maximum(rows, 2)) / np.log2(MILLION) if stage in SORTING else rows


def least(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The least that each stage took in several runs of one size: other work on the machine only adds."""
    return {stage: min(run[stage] for run in runs) for stage in runs[0]}


def stages_with_rest(stages: Mapping[str, float], whole: float) -> dict[str, float]:
    """The stages and what no stage is: reading the ledger, taking batches in hand, bookkeeping."""
    return {**stages, "rest": max(whole - sum(stages.values()), 1e-3)}
