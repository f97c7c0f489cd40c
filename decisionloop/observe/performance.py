"""How well scores rank and predict outcomes: AUC, log loss, Brier score, each with its interval.

Calibration has its own module; money is in off_policy and value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from decisionloop.errors import UsageError
from decisionloop.observe.bounded_mean import bounded_mean
from decisionloop.observe.estimate import (
    Codes,
    Estimate,
    Floats,
    cannot_say,
    effective_sample_size,
    entity_codes,
    entity_sums,
    normal_quantile,
    standard_error,
    t_quantile,
)

Weights = npt.ArrayLike | None


def auc(
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    weights: Weights = None,
    entities: Weights = None,
    confidence: float = 0.95,
) -> Estimate:
    """Area under the ROC curve: the chance that a random event outranks a random non-event, ties counting half.

    outcome (n,) in {0, 1}; score (n,) any real scale; weights (n,) >= 0, for instance inverse propensities of
    being revealed, make it the AUC of the whole population; entities (n,) cluster the rows. Without weights and
    entities the variance is that of DeLong, DeLong and Clarke-Pearson (1988); with them it is the same projection
    of the weighted Mann-Whitney statistic, summed by entity. The interval is made on the logit scale and so stays
    within (0, 1). O(n log n). One class, NaN or no rows give a "cannot say".
    """
    y, s, w = _as_rows(outcome, score, weights)
    problem = _problem_of(y, s, w)
    if problem:
        return cannot_say(problem, y.size, confidence)
    codes = entity_codes(entities, y.size)
    value, influence = _auc_influence(y, s, w)
    sizes = [effective_sample_size(entity_sums(np.where(y == k, w, 0.0), codes)) for k in (1, 0)]
    effective_n = effective_sample_size(entity_sums(w, codes))
    if value in (0.0, 1.0):
        low, high = _separated_interval(value, sizes[0], sizes[1], confidence)
    else:
        low, high = _logit_interval(value, _auc_error(influence, y, codes), min(sizes) - 1, confidence)
    return Estimate(value, low, high, y.size, effective_n, confidence)


def log_loss(
    outcome: npt.ArrayLike,
    probability: npt.ArrayLike,
    weights: Weights = None,
    entities: Weights = None,
    confidence: float = 0.95,
) -> Estimate:
    """Weighted mean of -log P(what happened), in nats; probabilities are clipped to [1e-15, 1 - 1e-15]."""
    y, p, w = _as_rows(outcome, probability, weights)
    problem = _problem_of(y, p, w, is_probability=True)
    if problem:
        return cannot_say(problem, y.size, confidence)
    p = np.clip(p, 1e-15, 1 - 1e-15)
    if_yes, if_no = -np.log(p), -np.log1p(-p)
    loss = np.where(y == 1, if_yes, if_no)
    return bounded_mean(loss, np.minimum(if_yes, if_no), np.maximum(if_yes, if_no), w, entities, confidence)


def brier_score(
    outcome: npt.ArrayLike,
    probability: npt.ArrayLike,
    weights: Weights = None,
    entities: Weights = None,
    confidence: float = 0.95,
) -> Estimate:
    """Weighted mean squared difference of probability and outcome (Brier 1950)."""
    y, p, w = _as_rows(outcome, probability, weights)
    problem = _problem_of(y, p, w, is_probability=True)
    if problem:
        return cannot_say(problem, y.size, confidence)
    near, far = np.minimum(p, 1 - p) ** 2, np.maximum(p, 1 - p) ** 2
    return bounded_mean((p - y) ** 2, near, far, w, entities, confidence)


def _as_rows(outcome: npt.ArrayLike, score: npt.ArrayLike, weights: Weights) -> tuple[Floats, Floats, Floats]:
    """The three columns as float arrays; raises UsageError when their lengths differ."""
    y, s = np.asarray(outcome, dtype=float), np.asarray(score, dtype=float)
    w = np.ones_like(y) if weights is None else np.asarray(weights, dtype=float)
    if not (y.shape == s.shape == w.shape and y.ndim == 1):
        raise UsageError(
            f"outcome {y.shape}, score {s.shape} and weights {w.shape} differ in shape. Give one of each per row."
        )
    return y, s, w


def _problem_of(y: Floats, s: Floats, w: Floats, is_probability: bool = False) -> str | None:
    """Why these rows cannot be measured, in words, or None; ranking needs rows of both classes."""
    if y.size == 0:
        return "there are no rows with an outcome"
    if not np.isin(y, (0.0, 1.0)).all():
        return "some outcomes are missing or not 0 or 1"
    if np.isnan(s).any():
        return f"{int(np.isnan(s).sum())} of {s.size} scores are missing"
    if not np.isfinite(w).all() or (w < 0).any() or w.sum() <= 0:
        return "the weights are missing, infinite, negative or all zero"
    if is_probability:
        return None if ((s >= 0) & (s <= 1)).all() else "some probabilities are outside 0 to 1"
    events, others = int(((y == 1) & (w > 0)).sum()), int(((y == 0) & (w > 0)).sum())
    if min(events, others) < 2:
        return f"only one class to rank: {events} events and {others} non-events, at least two of each are needed"
    return None


def _auc_influence(y: Floats, s: Floats, w: Floats) -> tuple[float, Floats]:
    """The weighted AUC and each row's influence on it (Hajek projection, summing to 0)."""
    levels, level = np.unique(s, return_inverse=True)
    event = np.bincount(level, weights=w * y, minlength=len(levels))
    other = np.bincount(level, weights=w * (1 - y), minlength=len(levels))
    beaten = (np.cumsum(other) - other / 2) / other.sum()
    beaten_by = 1 - (np.cumsum(event) - event / 2) / event.sum()
    value = float(np.clip(event @ beaten / event.sum(), 0.0, 1.0))
    influence = np.where(
        y == 1, w * (beaten[level] - value) / event.sum(), w * (beaten_by[level] - value) / other.sum()
    )
    return value, influence


def _auc_error(influence: Floats, y: Floats, codes: Codes | None) -> float:
    """Standard error from influences: by entity, or DeLong's with its own factor for each class."""
    if codes is not None:
        return standard_error(influence, codes)
    by_class = [influence[y == k] for k in (1.0, 0.0)]
    return float(np.sqrt(sum((part**2).sum() * part.size / (part.size - 1) for part in by_class)))


def _logit_interval(value: float, error: float, degrees: float, confidence: float) -> tuple[float, float]:
    """Interval of a share in (0, 1) from its standard error, made on the logit scale."""
    centre = np.log(value / (1 - value))
    half = t_quantile(confidence, degrees) * error / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-bound))) for bound in (centre - half, centre + half))
    return low, high


def _separated_interval(value: float, events: float, others: float, confidence: float) -> tuple[float, float]:
    """Interval when the classes are perfectly separated, where the estimated variance is a false 0.

    Score interval of Newcombe (2006, method 5): the smallest AUC t whose own Hanley-McNeil deviation reaches 1.
    """
    half = (events + others) / 2 - 1

    def reaches_one(t: float) -> bool:
        spread = 1 + half * (1 - t) / (2 - t) + half * t / (1 + t)
        return t + normal_quantile(confidence) * np.sqrt(t * (1 - t) * spread / (events * others)) >= 1

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if reaches_one(middle) else (middle, high)
    return (high, 1.0) if value == 1.0 else (0.0, 1 - high)
