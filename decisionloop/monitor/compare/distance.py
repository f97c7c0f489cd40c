"""How far two distributions or two rates surely lie apart: closed bounds that hold at any number of rows.

Every alarm asks for a chance of error of 1e-3 to 1e-6, where normal approximations and simulated quantiles fail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.errors import UsageError
from decisionloop.observe.estimate import Estimate

CONFIDENCE = 0.95
"""Of the intervals for people; an alarm uses the bound at its own alpha instead."""
_HALF_NORMAL_MEAN = float(np.sqrt(2 / np.pi))
_NORMAL_97 = 1.959963984540054
_CLEARLY_CHANGED = 2.5


@dataclass(frozen=True)
class Apart:
    """A difference with its interval for people, and ``bound``: it is larger with chance 1 - alpha or more."""

    figure: Estimate
    bound: float


def distance(now: npt.ArrayLike, before: npt.ArrayLike, alpha: float, repetition: float = 1.0) -> Apart:
    """Total variation distance (0 to 1, the share that moved) between the distributions behind two count vectors (k,).

    Where an entity is among the rows of ``now`` ``repetition`` times on average, n is that much less.

    With n and m independent rows and v = 1/n + 1/m, p(A) - q(A) of a fixed set A of cells is subgaussian with proxy
    v/4 (Hoeffding 1963), and the distance is the largest p(A) - q(A) over all sets. Two lower bounds, each at half
    of ``alpha``, of which the larger counts:

    * all 2^k sets at once (Weissman et al. 2003): raw - sqrt(v (k log 2 + log(2/alpha)) / 2);
    * the single cells and the two sides of every border only, 2 (2k - 1) sets, where most shifts show whole.

    So P(bound > true distance) <= alpha at any n, m and k, whatever the distributions. The value is the raw distance
    less what sampling noise gives on average where nothing changed, sqrt(2/pi)/2 s_j a cell with the standard error
    s_j = sqrt(v p_j (1 - p_j)) of the pooled p; cells that changed by more than 2.5 s_j hide no such noise and keep
    theirs. It lies below the truth where a change is spread evenly over cells. The interval adds 1.96 sqrt(v)/2, the
    largest standard error that a difference p(A) - q(A) can have, below the value and above the raw distance.
    Raises UsageError for vectors of different length or without a row.
    """
    a, b = np.asarray(now, dtype=np.int64), np.asarray(before, dtype=np.int64)
    n, m, k = int(a.sum()), int(b.sum()), a.size
    if a.shape != b.shape or n == 0 or m == 0:
        raise UsageError(f"counts of {n} and {m} rows, {a.size} and {b.size} cells, have no distance.")
    v = repetition / n + 1 / m
    gap = a / n - b / m
    size = np.abs(gap)
    raw = float(size.sum() / 2)
    pooled = (a + b) / (n + m)
    error = np.sqrt(v * pooled * (1 - pooled))
    noise = _HALF_NORMAL_MEAN / 2 * float(error[size < _CLEARLY_CHANGED * error].sum())
    of_all = raw - math.sqrt(v * (k * math.log(2) + math.log(2 / alpha)) / 2)
    largest = max(float(size.max()), float(np.abs(gap.cumsum()).max()))
    of_few = largest - math.sqrt(v * math.log(2 * (4 * k - 2) / alpha) / 2)
    value, half = max(raw - noise, 0.0), _NORMAL_97 / 2 * math.sqrt(v)
    figure = Estimate(value, max(value - half, 0.0), min(raw + half, 1.0), n, float(n), CONFIDENCE)
    return Apart(figure, max(of_all, of_few, 0.0))


def rise(now: tuple[float, float], before: tuple[float, float], alpha: float) -> Apart:
    """How much a rate rose: (hits, rows) now and before, each with a row or more.

    The bound takes the exact lower limit of one rate from the exact upper limit of the other (Clopper and Pearson
    1934), each at half of ``alpha``; so it holds at any number of rows and hits. Likewise the interval.
    """
    value = now[0] / now[1] - before[0] / before[1]
    half = (1 - CONFIDENCE) / 4
    low = smallest_rate(*now, half) - largest_rate(*before, half)
    high = largest_rate(*now, half) - smallest_rate(*before, half)
    bound = smallest_rate(*now, alpha / 2) - largest_rate(*before, alpha / 2)
    return Apart(Estimate(value, low, high, round(now[1]), now[1], CONFIDENCE), bound)


def smallest_rate(hits: float, rows: float, alpha: float) -> float:
    """Exact lower confidence limit of a rate at one-sided ``alpha``; 0 without a hit."""
    from scipy.special import betaincinv

    return float(betaincinv(hits, rows - hits + 1, alpha)) if hits > 0 else 0.0


def largest_rate(hits: float, rows: float, alpha: float) -> float:
    """Exact upper confidence limit of a rate at one-sided ``alpha``; 1 where every row is a hit."""
    from scipy.special import betainccinv

    return float(betainccinv(hits + 1, rows - hits, alpha)) if hits < rows else 1.0
