"""Whether a predicted probability means what it says: in the large, in slope, and bin by bin."""

from __future__ import annotations

from dataclasses import dataclass

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
    standard_error,
    t_quantile,
)

ROWS_OF_BIN = 20
"""Effective outcomes that a bin needs: with fewer its rate is noise, and many such bins hide what is wrong."""


@dataclass(frozen=True)
class Calibration:
    """in_the_large: observed rate minus mean prediction (0 is right). slope: 1 is right, below 1 the predictions
    are too extreme. error: root mean squared gap of prediction and rate over bins (0 is right)."""

    in_the_large: Estimate
    slope: Estimate
    error: Estimate


def calibration(
    outcome: npt.ArrayLike,
    probability: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    entities: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    bins: int = 10,
) -> Calibration:
    """Calibration of ``probability`` (n,) in [0, 1] for ``outcome`` (n,) in {0, 1}; weights and entities (n,).

    - in the large: weighted mean of outcome - probability (cluster-robust).
    - slope: the logistic regression of outcome on logit(probability) (Cox 1958), sandwich variance.
    - error: sqrt of the weighted mean over equal-mass bins of (rate - mean prediction)^2, less what sampling noise
      alone would add (Brocker 2012; Kumar, Liang and Ma 2019), so a calibrated score tends to 0 and not to a
      number that shrinks with n. Interval by a scaled chi-square of matched variance. At most ``bins``, and at least
      two, of `ROWS_OF_BIN` effective outcomes each: few outcomes tell of few bins.

    Raises UsageError where the arrays differ in shape.
    """
    y, p = np.asarray(outcome, dtype=float), np.asarray(probability, dtype=float)
    w = np.ones_like(y) if weights is None else np.asarray(weights, dtype=float)
    if not (y.shape == p.shape == w.shape and y.ndim == 1):
        raise UsageError(f"outcome {y.shape}, probability {p.shape} and weights {w.shape} differ in shape.")
    problem = _problem_of(y, p, w)
    if problem:
        unknown = cannot_say(problem, y.size, confidence)
        return Calibration(unknown, unknown, unknown)
    codes = entity_codes(entities, y.size)
    return Calibration(
        bounded_mean(y - p, -p, 1 - p, w, codes, confidence),
        _slope(y, p, w, codes, confidence),
        _binned_error(y, p, w, codes, confidence, bins),
    )


def _problem_of(y: Floats, p: Floats, w: Floats) -> str | None:
    if y.size < 2:
        return "there are fewer than two rows with an outcome"
    if not np.isin(y, (0.0, 1.0)).all():
        return "some outcomes are missing or not 0 or 1"
    if not ((p >= 0) & (p <= 1)).all():
        return "some probabilities are missing or outside 0 to 1"
    if not np.isfinite(w).all() or (w < 0).any() or w.sum() <= 0:
        return "the weights are missing, infinite, negative or all zero"
    return None


def _slope(y: Floats, p: Floats, w: Floats, codes: Codes | None, confidence: float) -> Estimate:
    """Recalibration slope by Newton's method on two parameters, with the cluster-robust sandwich."""
    problem = _slope_problem(y[w > 0], p[w > 0])
    if problem:
        return cannot_say(problem, y.size, confidence)
    p = np.clip(p, 1e-12, 1 - 1e-12)
    X = np.column_stack([np.ones_like(p), np.log(p / (1 - p))])
    beta = np.array([0.0, 1.0])
    for _ in range(100):
        fitted = 1 / (1 + np.exp(-np.clip(X @ beta, -40, 40)))
        score = X * (w * (y - fitted))[:, None]
        information = (X * (w * fitted * (1 - fitted))[:, None]).T @ X
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, score.sum(axis=0))
        beta = beta + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            error = standard_error(score @ np.linalg.inv(information)[:, 1], codes)
            effective_n = effective_sample_size(entity_sums(w, codes))
            half, slope = t_quantile(confidence, effective_n - 2) * error, float(beta[1])
            return Estimate(slope, slope - half, slope + half, y.size, effective_n, confidence)
    return cannot_say("the recalibration did not settle", y.size, confidence)


def _slope_problem(y: Floats, p: Floats) -> str | None:
    if y.min() == y.max():
        return "all outcomes are the same"
    if np.ptp(p) < 1e-12:
        return "all predictions are the same"
    lower, upper = p[y == 0], p[y == 1]
    if lower.max() <= upper.min() or upper.max() <= lower.min():
        return "the predictions separate the outcomes perfectly"
    return None


def _binned_error(y: Floats, p: Floats, w: Floats, codes: Codes | None, confidence: float, bins: int) -> Estimate:
    from scipy.special import chdtri

    effective_n = effective_sample_size(entity_sums(w, codes))
    if effective_n < ROWS_OF_BIN:
        return cannot_say(f"{effective_n:.0f} effective outcomes are too few for two bins", y.size, confidence)
    gap, variance, share = _bin_gaps(y, p, w, codes, min(bins, max(2, int(effective_n // ROWS_OF_BIN))))
    noise, raw = float(share @ variance), float(share @ gap**2)
    true_square = np.maximum(gap**2 - variance, 0.0)
    spread = float(share**2 @ (4 * true_square * variance + 2 * variance**2))
    mean = float(share @ (true_square + variance))
    degrees = 2 * mean**2 / spread if spread > 0 else np.inf
    tail = (1 - confidence) / 2
    low, high = raw, raw
    if np.isfinite(degrees) and degrees < 1e6:
        low, high = raw * degrees / chdtri(degrees, tail), raw * degrees / chdtri(degrees, 1 - tail)
    value, low, high = (float(np.sqrt(max(square - noise, 0.0))) for square in (raw, low, high))
    return Estimate(value, low, high, y.size, effective_n, confidence)


def _bin_gaps(y: Floats, p: Floats, w: Floats, codes: Codes | None, bins: int) -> tuple[Floats, Floats, Floats]:
    """Per equal-mass bin of p: rate minus mean prediction, its cluster-robust variance, and its weight share.

    Ties stay together, so there may be fewer bins than asked for.
    """
    row_bin = _equal_mass_bins(p, w, bins)
    weight = np.bincount(row_bin, weights=w)
    gap = np.bincount(row_bin, weights=w * (y - p)) / weight
    influence = w * (y - p - gap[row_bin]) / weight[row_bin]
    if codes is None:
        sums, bin_of_sum = influence, row_bin
    else:
        entities = int(codes.max()) + 1
        cells, cell = np.unique(row_bin * entities + codes, return_inverse=True)
        sums, bin_of_sum = entity_sums(influence, cell.astype(np.int64)), cells // entities
    size = np.bincount(bin_of_sum)
    variance = np.bincount(bin_of_sum, weights=sums**2) * size / np.maximum(size - 1, 1)
    # Of few outcomes the empirical variance is often far too small, and 0 without a surprise: what the predictions
    # imply is what it would be if they were right, and rows of an entity as alike as they are seen to be.
    each, together = np.bincount(row_bin, weights=influence**2), np.bincount(bin_of_sum, weights=sums**2)
    alike = np.maximum(np.divide(together, each, out=np.ones_like(each), where=each > 0), 1.0)
    implied = alike * np.bincount(row_bin, weights=w**2 * p * (1 - p)) / weight**2
    return gap, np.maximum(variance, implied), weight / weight.sum()


def _equal_mass_bins(p: Floats, w: Floats, bins: int) -> Codes:
    """Bin 0..B-1 of each row by the weighted quantile of p; every bin has weight."""
    _, level = np.unique(p, return_inverse=True)
    mass = np.bincount(level, weights=w)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bin_of_level = np.minimum((middle * bins).astype(np.int64), bins - 1)
    occupied = np.unique(bin_of_level[mass > 0])
    # A level of zero weight must not make a bin of its own: it joins the next occupied one.
    return np.minimum(np.searchsorted(occupied, bin_of_level), len(occupied) - 1)[level].astype(np.int64)
