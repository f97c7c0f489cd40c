"""Inverse gap weighting: the chance of an alternative falls with the money that it may lose.

    p = 1 / (m + gamma * gap)        Abe and Long (1999); SquareCB: Foster and Rakhlin (2020)

for each alternative of a decision among m actions; the preferred action has the rest. ``gamma`` is found for the whole
batch, so that what exploring is expected to lose meets the budget: it loses the sum of p * gap, which falls as gamma
grows.

Gaps are rounded up to a grid of `STEPS` to each doubling, by exact operations. So a batch of any size is a table of a
few thousand rows with whole counts, whose sums depend neither on the order of rows nor on how they are cut into parts,
and a gamma is found in it at once.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from decisionloop.act.exploration.support import PROPENSITY_FLOOR

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

STEPS = 64
_LOWEST, _HIGHEST = -40, 80  # powers of two in currency: below it is no loss, and no contract reaches above
CODES = (_HIGHEST - _LOWEST + 1) * STEPS + 2
"""Codes of gaps: 0 is none, the last is an infinite one."""


def gap_codes(gap: Floats) -> Codes:
    """Gaps >= 0 in currency as whole numbers in [0, `CODES`), rounded up to the grid."""
    mantissa, exponent = np.frexp(np.where(np.isfinite(gap), gap, 1.0))
    step = (exponent.astype(np.int64) - 1 - _LOWEST) * STEPS + np.ceil((2 * mantissa - 1) * STEPS).astype(np.int64) + 1
    codes = np.clip(step, 1, CODES - 2)
    return np.where(gap == 0, 0, np.where(np.isfinite(gap), codes, CODES - 1))


def gaps_of(codes: Codes) -> Floats:
    """The gaps in currency that codes stand for."""
    octave, step = np.divmod(codes - 1, STEPS)
    gap = np.ldexp(1.0 + step / STEPS, (octave + _LOWEST).astype(np.int32))
    return np.where(codes == 0, 0.0, np.where(codes == CODES - 1, np.inf, gap))


def inverse_gap_chances(gap: Floats, actions: Codes, gamma: float, largest_share: float) -> Floats:
    """The chance of each alternative with ``gap`` of a decision among ``actions`` (both (n,), ``actions`` >= 2).

    A decision explores with at most ``largest_share``, which its alternatives have in equal parts. Below
    `PROPENSITY_FLOOR` an alternative is left alone.
    """
    with np.errstate(invalid="ignore"):
        chance = np.where(np.isinf(gap), 0.0, 1.0 / (actions + gamma * np.where(np.isinf(gap), 0.0, gap)))
    chance = np.minimum(chance, largest_share / (actions - 1))
    return np.where(chance >= PROPENSITY_FLOOR, chance, 0.0)


def gamma_within(gap: Floats, actions: Codes, count: Codes, budget: float, largest_share: float) -> float:
    """The smallest gamma >= 0, to 1e-12 of itself, at which exploring is expected to lose at most ``budget``.

    ``count`` (n,): how many alternatives have that gap among so many actions. 0 where the budget does not bind.
    """
    finite = np.where(np.isinf(gap), 0.0, gap)

    def loses(gamma: float) -> float:
        return math.fsum(inverse_gap_chances(gap, actions, gamma, largest_share) * finite * count)

    if loses(0.0) <= budget:
        return 0.0
    low, high = 0.0, 2.0**-60
    while loses(high) > budget:
        low, high = high, 4.0 * high
    for _ in range(100):
        if high - low <= 1e-12 * high:
            break
        middle = math.sqrt(low * high) if low else high / 4.0
        low, high = (middle, high) if loses(middle) > budget else (low, middle)
    return high
