"""Does the confidence sequence cover the true lift at every look? Skewed money, with and without returning people."""

from __future__ import annotations

import numpy as np

from decisionloop.observe.confidence_sequence import lift_sequence
from decisionloop.observe.estimate import Estimate, weighted_mean

LOOKS, DECISIONS = 52, 250
_MEAN = 0.97 - 0.03 * 20


def coverage(runs: int, lift: float, are_independent: bool, seed: int) -> float:
    """Share of ``runs`` whose sequence holds ``lift`` at each of 52 looks.

    Independent: paired gains of new people at each look. Else the same people come at every look, and a part of
    what they earn lasts: a policy group against a holdout of a quarter of its size.
    """
    rng = np.random.default_rng(seed)
    draw = _paired if are_independent else _returning
    return float(np.mean([_covers(draw(rng, lift), lift, are_independent) for _ in range(runs)]))


def _covers(cohorts: list[Estimate], lift: float, are_independent: bool) -> bool:
    sequence = lift_sequence(cohorts, are_independent)
    assert sequence is not None
    return all(
        one.low <= lift <= one.high for one in sequence.estimates if one.low is not None and one.high is not None
    )


def _paired(rng: np.random.Generator, lift: float) -> list[Estimate]:
    return [weighted_mean(money) for money in _money(rng, DECISIONS) - _MEAN + lift]


def _returning(rng: np.random.Generator, lift: float) -> list[Estimate]:
    policy, holdout = (0.5 * rng.lognormal(0, 1, n) + _money(rng, n) for n in (DECISIONS, DECISIONS // 4))
    gap = policy.mean(axis=1) + lift - holdout.mean(axis=1)
    error = np.sqrt(sum(side.var(axis=1, ddof=1) / side.shape[1] for side in (policy, holdout)))
    return [
        Estimate(float(g), float(g - 1.96 * e), float(g + 1.96 * e), DECISIONS, float(DECISIONS), 0.95)
        for g, e in zip(gap, error, strict=True)
    ]


def _money(rng: np.random.Generator, n: int) -> np.ndarray:
    """Money (52, n): about 1 is earned, or, with 3 %, about 20 lost."""
    shape = (LOOKS, n)
    return np.where(rng.random(shape) < 0.03, -20.0, 1.0) * rng.lognormal(-0.125, 0.5, shape)
