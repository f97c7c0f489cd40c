"""Is a release sound on rows that were kept with it? It says what it was compiled from, and its reasons add up.

One function, asked by the gate at every look and by a deployment in a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.learn.parity import TOLERANCE, worst_difference
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import ReleaseModel, explained_whole, predict

ADDS_UP = 1e-9
"""Of the largest margin, at least of 1: what adding up some dozens of contributions may lose."""


@dataclass(frozen=True)
class Soundness:
    """What was found on ``asked_rows``.

    ``worst_difference`` from what it was compiled from, as a share of the largest answer; None: that was not kept.
    ``unexplained``: rows without a reason though they have a score. ``reasons_gap``: what base and contributions miss
    of the margin at most, as a share of the largest; None: its reasons are approximations that sum to nothing.
    """

    asked_rows: int
    worst_difference: float | None
    unexplained: int
    reasons_gap: float | None

    @property
    def is_parity_kept(self) -> bool:
        """Whether it says what it was compiled from, as far as that is known."""
        return self.worst_difference is None or self.worst_difference <= TOLERANCE

    @property
    def is_explained(self) -> bool:
        """Whether every score has its reasons, and they add up to it where they are to."""
        return self.unexplained == 0 and (self.reasons_gap is None or self.reasons_gap <= ADDS_UP)


def soundness(use_case: UseCase, model: ReleaseModel, frame: pd.DataFrame, expected: Predictions | None) -> Soundness:
    """Ask a release the n rows of ``frame``; ``expected``: what it was compiled from says of them, None: unknown."""
    difference = None if expected is None else worst_difference(expected, predict(use_case, model, frame))
    action = np.full(len(frame), use_case.revealing.index(True))
    margin, contributions = explained_whole(use_case, model, frame, action)
    is_scored = np.isfinite(margin)
    unexplained = int((is_scored & ~np.isfinite(contributions).all(axis=1)).sum())
    return Soundness(len(frame), difference, unexplained, _gap(model, margin[is_scored], contributions[is_scored]))


def _gap(model: ReleaseModel, margin: np.ndarray, contributions: np.ndarray) -> float | None:
    """Exact reasons are Shapley values, which add up to the margin; of others nothing of the kind is promised."""
    if not model.has_exact_reasons:
        return None
    missed = np.abs(model.leading.base_margin + contributions.sum(axis=1) - margin)
    return float(missed.max(initial=0.0)) / max(1.0, float(np.abs(margin).max(initial=0.0)))
