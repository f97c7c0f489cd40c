"""A number with its interval, or a plain "cannot say"; and the weighted, clustered mean everything rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.errors import UsageError
from decisionloop.observe.outcome_bounds import OutcomeBounds

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A point estimate with a two-sided interval.

    ``value``, ``low`` and ``high`` are None together when the data cannot answer; ``reason`` then says why.
    ``n`` counts the rows used; ``effective_n`` is the number of equally weighted independent entities that would
    be as informative (Kish). ``confidence`` is that of the two-sided interval: ``low`` alone is a one-sided
    bound at (1 + confidence) / 2. ``bounds`` say what outcomes that have not come could make of it; None: all came.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    effective_n: float
    confidence: float
    reason: str | None = None
    bounds: OutcomeBounds | None = None

    @property
    def is_sign_open(self) -> bool:
        """Whether missing outcomes could turn the sign that the interval is sure of."""
        return self.bounds is not None and self.bounds.is_sign_open(self.low, self.high)

    @property
    def is_known(self) -> bool:
        """Whether the data gave an answer."""
        return self.value is not None

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit: value, interval and bounds times ``factor``; below 0 it turns them."""
        bounds = None if self.bounds is None else self.bounds.scaled(factor)
        if self.value is None or self.low is None or self.high is None:
            return replace(self, bounds=bounds)
        low, high = sorted((self.low * factor, self.high * factor))
        return replace(self, value=self.value * factor, low=low, high=high, bounds=bounds)


def difference_of_bounds(first: Estimate, second: Estimate) -> OutcomeBounds | None:
    """What missing outcomes could make of ``first`` less ``second``, of other decisions; None: all came."""
    if first.bounds is None and second.bounds is None:
        return None
    sides = [one.bounds or OutcomeBounds(0, 0.0, one.low, one.high) for one in (first, second)]
    missing, to_come = sum(one.missing for one in sides), sum(one.to_come for one in sides)
    (low, high), (other_low, other_high) = ((one.low, one.high) for one in sides)
    if low is None or high is None or other_low is None or other_high is None:
        return OutcomeBounds(missing, to_come)
    return OutcomeBounds(missing, to_come, low - other_high, high - other_low)


def cannot_say(reason: str, n: int, confidence: float) -> Estimate:
    """The estimate that gives no number, and why."""
    return Estimate(None, None, None, n, 0.0, confidence, reason)


def exactly_zero(n: int, confidence: float = 0.95) -> Estimate:
    """Nothing, for certain: of ``n`` rows that differ in nothing from what they are compared with."""
    return Estimate(0.0, 0.0, 0.0, n, 0.0, confidence)


def effective_sample_size(weights: npt.ArrayLike) -> float:
    """Kish's effective sample size (sum w)^2 / sum w^2 of absolute weights; 0 when there are none."""
    size = np.abs(np.asarray(weights, dtype=float))
    total = float((size**2).sum())
    return float(size.sum() ** 2 / total) if total > 0 else 0.0


def entity_codes(entities: npt.ArrayLike | Sequence[Any] | None, n: int) -> Codes | None:
    """Dense integer codes 0..G-1 of the entities of n rows; None stays None (every row its own entity).

    Raises UsageError when the number of entities is not n.
    """
    if entities is None:
        return None
    codes, _ = pd.factorize(np.asarray(entities), use_na_sentinel=False)
    if codes.shape != (n,):
        raise UsageError(f"{codes.size} entities were given for {n} rows. Give one entity per row, in row order.")
    return codes.astype(np.int64)


def entity_sums(values: Floats, codes: Codes | None) -> Floats:
    """Sums of ``values`` (n,) by entity, shape (G,); without codes each row is its own entity."""
    return values if codes is None else np.asarray(np.bincount(codes, weights=values), dtype=float)


def standard_error(influence: Floats, codes: Codes | None) -> float:
    """Cluster-robust standard error of a statistic from its row influences (which sum to about 0).

    sqrt(G/(G-1) * sum_g (sum_{i in g} influence_i)^2): Liang and Zeger (1986); with one row an entity it is the
    infinitesimal jackknife.
    """
    sums = entity_sums(influence, codes)
    groups = len(sums)
    return float(np.sqrt((sums**2).sum() * groups / (groups - 1))) if groups > 1 else float("nan")


def t_quantile(confidence: float, degrees: float) -> float:
    """Two-sided Student quantile; ``degrees`` may be fractional and is at least 1."""
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1.0), (1 + confidence) / 2))


def normal_quantile(confidence: float) -> float:
    """Two-sided normal quantile, 1.96 at 0.95."""
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))


def weighted_mean(
    values: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    entities: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Self-normalised weighted mean of ``values`` (n,) with a cluster-robust Student interval.

    The degrees of freedom are the Kish effective number of entities less one, so heavy weights widen it.
    Values that are all alike have no spread to make an interval from: where their range is known take `bounded_mean`.
    Raises UsageError where there are not as many weights as values.
    """
    x, w = values_and_weights(values, weights)
    problem = problem_of_mean(x, w)
    if problem:
        return cannot_say(problem, x.size, confidence)
    codes = entity_codes(entities, x.size)
    mean = float(np.average(x, weights=w))
    effective_n = effective_sample_size(entity_sums(w, codes))
    error = standard_error(w * (x - mean) / w.sum(), codes)
    if not np.isfinite(error):
        return cannot_say("a single entity has no spread to make an interval from", x.size, confidence)
    if error == 0:
        return cannot_say("all values are alike, and nothing tells what else they could be", x.size, confidence)
    half = t_quantile(confidence, effective_n - 1) * error
    return Estimate(mean, mean - half, mean + half, x.size, effective_n, confidence)


def values_and_weights(values: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """Both as floats (n,), weights of 1 where none are given. Raises UsageError unless there are as many of each."""
    x = np.asarray(values, dtype=float)
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=float)
    if w.shape != x.shape:
        raise UsageError(f"{w.size} weights were given for {x.size} values. Give one weight per value.")
    return x, w


def problem_of_mean(values: Floats, weights: Floats) -> str | None:
    """Why a weighted statistic cannot be computed, or None."""
    if values.size == 0:
        return "there are no rows"
    bad = int((~np.isfinite(values)).sum())
    if bad:
        return f"{bad} of {values.size} values are missing or infinite"
    if not np.isfinite(weights).all() or (weights < 0).any():
        return "some weights are missing, infinite or negative"
    return None if weights.sum() > 0 else "all weights are zero"
