"""Rates, ranking and calibration of a cohort."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.declared.row import Row, misses
from decisionloop.observe.bounded_mean import rate_estimate
from decisionloop.observe.calibration import calibration
from decisionloop.observe.exact_rate import difference_bounds, rate_bounds
from decisionloop.observe.performance import auc, brier_score, log_loss


def _rate_errs(rng: np.random.Generator, n: int, chance: float) -> bool:
    return misses(rate_estimate((rng.random(n) < chance).astype(float)), chance)


def _weighted_rate_errs(rng: np.random.Generator, n: int, chance: float) -> bool:
    propensity = rng.choice([0.005, 0.9], p=[0.02, 0.98], size=n)
    return misses(rate_estimate((rng.random(n) < chance).astype(float), 1 / propensity), chance)


def _returning_rate_errs(rng: np.random.Generator, people: int, chance: float) -> bool:
    """Each person is seen five times, and is likely or unlikely for good."""
    person = rng.beta(2 * chance, 2 * (1 - chance), people).repeat(5)
    entity = np.arange(people).repeat(5)
    return misses(rate_estimate((rng.random(person.size) < person).astype(float), None, entity), chance)


def _lift_errs(rng: np.random.Generator, n: int, chance: float) -> bool:
    one, other = (rate_bounds(float(rng.binomial(size, chance)), size, 0.025) for size in (n, max(n // 9, 10)))
    told = difference_bounds(one, other)
    return not told.low <= 0 <= told.high


def _scores(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    p = 1 / (1 + np.exp(2 - rng.normal(size=n)))
    return (rng.random(n) < p).astype(float), p


def _auc_errs(rng: np.random.Generator, n: int) -> bool:
    """Scores of events are N(1, 1), of others N(0, 1): the AUC is Phi(1 / sqrt 2)."""
    y = (rng.random(n) < 0.1).astype(float)
    return misses(auc(y, y + rng.normal(size=n)), 0.7602499)


def _in_the_large_errs(rng: np.random.Generator, n: int) -> bool:
    y, p = _scores(rng, n)
    propensity = rng.choice([0.05, 0.95], p=[0.1, 0.9], size=n)
    return misses(calibration(y, p, 1 / propensity).in_the_large, 0.0)


def _brier_errs(rng: np.random.Generator, n: int) -> bool:
    y, p = _scores(rng, n)
    return misses(brier_score(y, p), _BRIER)


def _log_loss_errs(rng: np.random.Generator, n: int) -> bool:
    y, p = _scores(rng, n)
    return misses(log_loss(y, p), _LOG_LOSS)


def _expected(of_p: np.ndarray, density: np.ndarray) -> float:
    return float((of_p * density).sum() / density.sum())


_Z = np.linspace(-8, 8, 4001)
_P, _DENSITY = 1 / (1 + np.exp(2 - _Z)), np.exp(-(_Z**2) / 2)
_BRIER = _expected(_P * (1 - _P), _DENSITY)
_LOG_LOSS = _expected(-_P * np.log(_P) - (1 - _P) * np.log1p(-_P), _DENSITY)

RATE, WEIGHTED = "rate of an outcome", "rate by inverse propensity"
ROWS = (
    Row(RATE, "n 20, 10 %", 0.05, partial(_rate_errs, n=20, chance=0.1)),
    Row(RATE, "n 214, 0.5 %", 0.05, partial(_rate_errs, n=214, chance=0.005)),
    Row(RATE, "n 100,000, 30 %", 0.05, partial(_rate_errs, n=100_000, chance=0.3), 1_500),
    Row(RATE, "60 people, 5 times each, 10 %", 0.05, partial(_returning_rate_errs, people=60, chance=0.1)),
    Row(WEIGHTED, "n 200, 2 %, 0.005 to 0.9", 0.05, partial(_weighted_rate_errs, n=200, chance=0.02)),
    Row(WEIGHTED, "n 5,000, 2 %, 0.005 to 0.9", 0.05, partial(_weighted_rate_errs, n=5_000, chance=0.02)),
    Row("lift in conversion", "n 500 and 55, 5 %", 0.05, partial(_lift_errs, n=500, chance=0.05)),
    Row("AUC", "n 100, 10 %", 0.05, partial(_auc_errs, n=100)),
    Row("AUC", "n 5,000, 10 %", 0.05, partial(_auc_errs, n=5_000)),
    Row("calibration in the large", "n 300, 0.05 to 0.95", 0.05, partial(_in_the_large_errs, n=300)),
    Row("Brier score", "n 200", 0.05, partial(_brier_errs, n=200)),
    Row("log loss", "n 200", 0.05, partial(_log_loss_errs, n=200)),
)
