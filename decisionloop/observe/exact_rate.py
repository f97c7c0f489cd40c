"""Bounds of a rate, of its distance from what was predicted, and of differences: right at any n and at tiny alpha.

Alarm budgets ask for error rates of 1e-3 to 1e-5, where normal intervals of a rate are wrong by orders of magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.observe.estimate import Estimate, Floats


@dataclass(frozen=True)
class Bounds:
    """A value and its one-sided bounds, each wrong with at most the probability that it was asked for."""

    value: float
    low: float
    high: float

    @property
    def size_low(self) -> float:
        """Lower bound of the absolute value, 0 where its sign is not sure."""
        return max(self.low, -self.high, 0.0)

    @property
    def size_high(self) -> float:
        """Upper bound of the absolute value."""
        return max(abs(self.low), abs(self.high))

    def shifted(self, by: float) -> Bounds:
        """The same about another origin: value and bounds plus ``by``."""
        return Bounds(self.value + by, self.low + by, self.high + by)

    def size_estimate(self, n: int, effective_n: float, confidence: float) -> Estimate:
        """The absolute value as an estimate."""
        return Estimate(abs(self.value), self.size_low, self.size_high, n, effective_n, confidence)


def rate_bounds(events: float, n: float, alpha: float) -> Bounds:
    """Clopper and Pearson (1934): a rate seen as ``events`` of ``n`` (> 0), each bound one-sided at ``alpha``.

    It also covers the mean of unequal rates (a Poisson-binomial count spreads less than the binomial of its mean:
    Hoeffding 1956). Fractions are taken as they are: with ``n`` the effective size of clustered data and ``events``
    in proportion it is the interval of Korn and Graubard (1998).
    """
    from scipy.special import betainccinv, betaincinv

    low = float(betaincinv(events, n - events + 1, alpha)) if events > 0 else 0.0
    high = float(betainccinv(events + 1, n - events, alpha)) if events < n else 1.0
    value = events / n
    return Bounds(value, min(low, value), max(high, value))  # rounding aside they are ordered already


def residual_bounds(outcome: Floats, probability: Floats, alpha: float) -> Bounds:
    """Observed less predicted rate of n >= 1 rows, outcome in {0, 1}; each bound one-sided at ``alpha``.

    The predictions are known and only the outcomes are random, so it is the rate's exact bounds less their mean.
    """
    return rate_bounds(float(outcome.sum()), len(outcome), alpha).shifted(-float(probability.mean()))


def difference_bounds(first: Bounds, second: Bounds) -> Bounds:
    """``first`` less ``second``, independent of each other, at the alpha of their bounds.

    Squares and adds the distances to the bounds, so that skewness survives (Newcombe 1998; Zou and Donner 2008).
    """
    value = first.value - second.value
    low = value - float(np.hypot(first.value - first.low, second.high - second.value))
    high = value + float(np.hypot(first.high - first.value, second.value - second.low))
    return Bounds(value, low, high)


def known_rows(*columns: npt.ArrayLike) -> tuple[Floats, ...]:
    """The columns (n,) as floats, without the rows where any of them is missing."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    is_known = ~np.isnan(np.stack(arrays)).any(axis=0)
    return tuple(array[is_known] for array in arrays)
