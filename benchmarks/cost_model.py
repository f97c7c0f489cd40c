"""What a batch costs by its rows: a fixed part and a part a row of every stage, fitted to runs of several sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls


@dataclass(frozen=True)
class CostModel:
    """CPU seconds of each stage of a batch: ``fixed`` whatever its rows, and ``per_row``; `rest`: what no stage is.

    ``bytes_per_row``: what a decision leaves in ledger and snapshots.
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
            weighted = np.column_stack([np.ones_like(rows), rows]) / taken[:, None]
            parts[stage], _ = nnls(weighted, np.ones_like(rows))
        fixed, per_row = ({stage: float(part[place]) for stage, part in parts.items()} for place in (0, 1))
        return cls(fixed, per_row, bytes_per_row)

    def seconds(self, rows: float, batches: int = 1) -> float:
        """CPU seconds of ``rows`` decisions in so many batches."""
        return batches * sum(self.fixed.values()) + rows * sum(self.per_row.values())

    def rows_a_second(self, stage: str) -> float:
        """How many rows one core takes through a stage in a second, without what a batch costs anyway."""
        return 1 / self.per_row[stage] if self.per_row[stage] else float("inf")

    def cores(self, rows_a_day: float, batches: int, hours: float) -> float:
        """Cores that decide a day's rows within so many hours, each busy all the time."""
        return self.seconds(rows_a_day, batches) / (3_600 * hours)


def stages_with_rest(stages: Mapping[str, float], whole: float) -> dict[str, float]:
    """The stages and what no stage is: reading the ledger, taking batches in hand, bookkeeping."""
    return {**stages, "rest": max(whole - sum(stages.values()), 1e-3)}
