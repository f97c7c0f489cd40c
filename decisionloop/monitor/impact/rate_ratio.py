"""Bounds of a ratio of two rates that hold far in the tail, where an alarm budget of one a year lives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.errors import UsageError

Counted = tuple[float, float]
"""(favourable, n) of a group; fractions where returning entities count for less than a decision each."""


def ratio_upper_bound(group: Counted, other: Counted, alpha: float) -> float | None:
    """Upper bound of rate(group) / rate(other) that fails with probability ``alpha`` at most; None: cannot be told.

    The ratios that a likelihood-ratio test does not reject, from the signed root of the deviance (Barndorff-Nielsen
    and Cox 1994, section 4.3) after moving half a decision of each count to the safe side (Yates 1934). Its error,
    summed exactly over all outcomes, is between 0.3 and 0.96 alpha: for 50 to 5,000 decisions a group, rates from
    0.5 to 99.9 % and alpha from 1e-2 to 1e-6. The interval of Katz et al. (1978) is no substitute so far in the
    tail: at alpha 1e-5 it fails up to 400 times too often where rates are high, and never answers where they are low.

    Raises UsageError for an empty group or an alpha outside (0, 0.5].
    """
    from scipy.special import ndtri

    (x, n), (y, m) = group, other
    if min(n, m) < 1 or not 0 < alpha <= 0.5:
        raise UsageError(f"a ratio of {x} of {n} to {y} of {m} at alpha {alpha} has no bound. Give counts above 0.")
    if y <= 0.5:  # less than one decision, moved by half a one, is none
        return None
    return _Comparison(min(x + 0.5, n), n, y - 0.5, m).upper_ratio(-float(ndtri(alpha)))


@dataclass(frozen=True)
class _Comparison:
    """Counts ``x`` of ``n`` and ``y`` of ``m``, all above 0 and ``y`` below ``m``: what `signed_root` says of them,
    without arrays, which cost twenty times as much where there is one number in each."""

    x: float
    n: float
    y: float
    m: float

    def upper_ratio(self, z: float) -> float:
        """Ratio above the observed one whose signed root is ``z``, to 1e-11 of itself.

        The root is nearly linear in the logarithm of the ratio, so that Newton's method needs about four steps; the
        bracket keeps it from leaving.
        """
        x, n, y, m = self.x, self.n, self.y, self.m
        low, high = math.log(x / n) - math.log(y / m), math.inf
        log_ratio = low + z * math.sqrt((1 - x / n) / x + (1 - y / m) / y)
        free = _log_likelihood_of(x, n, x / n) + _log_likelihood_of(y, m, y / m)
        for _ in range(_STEPS):
            root, slope = self._root_and_slope(math.exp(log_ratio), free)
            low, high = (log_ratio, high) if root < z else (low, log_ratio)
            step = log_ratio + (z - root) / slope if slope > 0 else math.nan
            if not low <= step <= high:  # nor is NaN
                step = (low + high) / 2 if high < math.inf else log_ratio + 1.0
            if abs(step - log_ratio) < _PRECISION:
                return math.exp(step)
            log_ratio = step
        return math.exp(log_ratio)

    def _root_and_slope(self, ratio: float, free: float) -> tuple[float, float]:
        """Signed root for a ratio at or above the observed one, and its derivative by the ratio's logarithm.

        The rate under the hypothesis is a maximum, so its own change counts for nothing in the derivative.
        """
        x, n, y, m = self.x, self.n, self.y, self.m
        total, linear = (n + m) * ratio, n * ratio + x + m + y * ratio
        rate = 2 * (x + y) / (linear + math.sqrt(max(linear**2 - 4 * total * (x + y), 0.0)))
        rate = min(rate, 1.0, 1 / ratio)
        other = min(rate * ratio, 1.0)
        bound = _log_likelihood_of(x, n, other) + _log_likelihood_of(y, m, rate)
        root = math.sqrt(2 * max(free - bound, 0.0))
        slope = (y - (m - y) * rate / (1 - rate)) / root if root > 0 and rate < 1 else 0.0
        return root, slope


_STEPS, _PRECISION = 60, 1e-11


def _log_likelihood_of(x: float, n: float, rate: float) -> float:
    """Of ``x`` of ``n``, x above 0."""
    if x == n:
        return x * math.log(rate)
    return x * math.log(rate) + (n - x) * math.log1p(-rate) if rate < 1 else -math.inf


def signed_root(x: np.ndarray | float, n: int, y: np.ndarray | float, m: int, ratio: float) -> np.ndarray | np.floating:
    """Signed root of the deviance of rate(x of n) = ratio * rate(y of m); positive where x is too low for it.

    The rates under that hypothesis have a closed form (Miettinen and Nurminen 1985). Standard normal where the
    hypothesis is true.
    """
    total, linear = (n + m) * ratio, n * ratio + x + m + y * ratio
    root = np.sqrt(np.maximum(linear**2 - 4 * total * (x + y), 0.0))
    # The textbook's difference cancels where rates are small; its conjugate does not.
    rate = np.clip(2 * (x + y) / (linear + root), 0.0, min(1.0, 1 / ratio))
    free = _log_likelihood(x, n, x / n) + _log_likelihood(y, m, y / m)
    bound = _log_likelihood(x, n, np.minimum(rate * ratio, 1.0)) + _log_likelihood(y, m, rate)
    size: np.ndarray = np.sqrt(2 * np.maximum(free - bound, 0.0))
    return np.sign(ratio * y / m - x / n) * size


def upper_bound_to_best(group: Counted, others: Sequence[Counted], alpha: float) -> float | None:
    """Upper bound, at ``alpha``, of a group's rate over the highest of the others' rates; None: cannot be told.

    Whoever is best in truth is one of the others, so the least of the bounds against each of them holds, if alpha
    is shared among them: nothing is lost by not knowing who is best, as happens where the highest observed rate is
    taken for the highest rate.
    """
    bounds = [ratio_upper_bound(group, other, alpha / len(others)) for other in others]
    return min((bound for bound in bounds if bound is not None), default=None)


def _log_likelihood(x: np.ndarray | float, n: int, rate: np.ndarray | float) -> np.ndarray:
    from scipy.special import xlog1py, xlogy

    return np.asarray(xlogy(x, rate) + xlog1py(n - x, -np.asarray(rate)))
