"""A scorecard: the margin is an intercept plus one looked-up number of points per feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisionloop.predict.scorer.engine import EngineName


@dataclass(frozen=True, eq=False)
class ScorecardTables:
    """``intercept``; ``points`` (F, W) of each feature and code; ``mean`` (F,) of them over the reference."""

    intercept: float
    points: NDArray[np.float64]
    mean: NDArray[np.float64]

    @property
    def base_margin(self) -> float:
        """Expected margin over the training reference: the margin that contributions start from."""
        return self.intercept + float(self.mean.sum())

    def margin(self, codes: NDArray[np.uint8], engine: EngineName = "auto", threads: int = 1) -> NDArray[np.float64]:
        """Margins (n,) of coded rows (F, n); numpy alone is fast enough, whatever ``engine`` says."""
        margin = np.full(codes.shape[1], self.intercept)
        for points, row in zip(self.points, codes, strict=True):
            margin += points.take(row)
        return margin

    def contributions(
        self, codes: NDArray[np.uint8], engine: EngineName = "auto", threads: int = 1
    ) -> NDArray[np.float64]:
        """Shapley values (n, F) of coded rows (F, n); with ``base_margin`` they sum to the margin.

        In an additive model a feature's Shapley value is its points less their mean over the reference.
        """
        looked_up = [points.take(row) for points, row in zip(self.points, codes, strict=True)]
        return np.column_stack(looked_up) - self.mean
