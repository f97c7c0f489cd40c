"""One line of the table: an interval or alarm of the product in one world, and how often it may err there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from decisionloop.observe.estimate import Estimate

Trial = Callable[[np.random.Generator], bool]
"""Draws one data set of the world, asks the product, and says whether the answer was wrong."""


@dataclass(frozen=True)
class Row:
    """``what`` is asked in which ``world``; ``declared`` is the share of wrong answers that the product promises.

    ``runs`` full ones, and a thirtieth of them when quick.
    """

    what: str
    world: str
    declared: float
    trial: Trial
    runs: int = 3_000

    def realised(self, runs: int, seed: int) -> float:
        """Share of ``runs`` with a wrong answer."""
        rng = np.random.default_rng(seed)
        return float(np.mean([self.trial(rng) for _ in range(runs)]))


def misses(told: Estimate, truth: float) -> bool:
    """Whether an interval was told and does not hold the truth."""
    return told.low is not None and told.high is not None and not told.low <= truth <= told.high


def is_above(told: Estimate, truth: float) -> bool:
    """Whether the lower bound lies above the truth."""
    return told.low is not None and told.low > truth
