"""Surely changed, small: evidence that a feature is not what it was, however little, gathered over many batches.

A change below `monitors.minimum_shift` is no alarm, and yet may be sure. An e-value tells it (Grünwald, de Heide and
Koolen 2024; Shin, Ramdas and Rinaldo 2024 for the detector): its mean is at most 1 while nothing has changed, so that
it reaches 1 / alpha with chance alpha at most (Markov), at any number of rows, however checks depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Shares = npt.NDArray[np.float64]

TILTS = (0.06, 0.12, 0.25, 0.5)
"""Shifts of a feature's normal scores, in standard deviations: 2 to 20 % of the values move."""
LUMPS = (0.02, 0.05, 0.15)
"""Shares of all rows that move into one cell."""


@dataclass(frozen=True)
class Evidence:
    """The logarithm of the e-value, and the number of last batches that gave most of it."""

    log: float
    batches: int

    def is_sure(self, alpha: float) -> bool:
        """Whether something has changed, with a chance of error of ``alpha``: half of it is in the e-value already."""
        return self.log >= float(np.log(2 / alpha))


def evidence_of_change(
    batches: Sequence[npt.NDArray[np.int64]],
    returning: Sequence[float],
    reference: npt.NDArray[np.int64],
    is_ordered: bool,
    alpha: float,
) -> Evidence:
    """The evidence of T ``batches``, counts (k,) of each, oldest first, against ``reference`` (k,).

    The mean over all beginnings (the last 1, 2, … batches) and alternatives of the likelihood ratio of the alternative
    against the reference's shares. These are known from m rows only, so the mean of a ratio under the truth may exceed
    1: it is divided by an upper bound of that mean (empirical Bernstein: Maurer and Pontil 2009, at half of ``alpha``
    for all alternatives together). Where an entity returns r times the ratio is taken to the power 1 / r: its mean is
    then at most 1 whatever the dependence (Hölder). ``returning`` (T,): how often an entity is in the last 1, 2, …
    batches.
    """
    m, k = int(reference.sum()), reference.size
    base: Shares = np.asarray((reference + 0.5) / (m + 0.5 * k), dtype=np.float64)
    ratio = alternatives(base, is_ordered) / base
    log_ratio = np.log(ratio) - np.log(_largest_means(ratio, reference, alpha / 2))[:, None]
    since = np.cumsum(np.stack(batches)[::-1], axis=0)  # the last 1, 2, … batches
    logs = since @ log_ratio.T / np.asarray(returning)[:, None]  # (beginnings, alternatives)
    highest = float(logs.max())
    mean = highest + float(np.log(np.exp(logs - highest).mean()))
    return Evidence(mean, int(logs.max(axis=1).argmax()) + 1)


def alternatives(base: Shares, is_ordered: bool) -> Shares:
    """Shares (A, k) of what may have become of ``base`` (k,), all positive: every cell up or down and, where the cells
    but the last (missing) are ordered, all of them up, down, apart or together."""
    moved = [(1 - lump) * base + lump * np.eye(base.size)[cell] for lump in LUMPS for cell in range(base.size)]
    halved = [_scaled(base, np.where(np.arange(base.size) == cell, 0.5, 1.0)) for cell in range(base.size)]
    tilted = list(_tilted(base)) if is_ordered else []
    return np.stack([*moved, *halved, *tilted])


def _tilted(base: Shares) -> list[Shares]:
    from scipy.special import ndtri

    cells = base[:-1] / base[:-1].sum()
    score = np.append(ndtri(np.cumsum(cells) - cells / 2), 0.0)
    spread = np.append(score[:-1] ** 2 - float(cells @ score[:-1] ** 2), 0.0) / 2
    return [
        _scaled(base, np.exp(sign * tilt * by))
        for by in (score, np.sign(score), spread)
        for tilt in TILTS
        for sign in (1, -1)
    ]


def _scaled(base: Shares, by: Shares) -> Shares:
    moved = base * by
    return np.asarray(moved / moved.sum())


def _largest_means(ratio: Shares, reference: npt.NDArray[np.int64], delta: float) -> Shares:
    """Upper bounds (A,) of the mean of each ratio (A, k) under the truth that ``reference`` was drawn from; all of
    them hold with chance 1 - ``delta``."""
    m = int(reference.sum())
    share, unsure = reference / m, float(np.log(2 * len(ratio) / delta))
    mean = ratio @ share
    variance = ((ratio - mean[:, None]) ** 2) @ share * m / max(1, m - 1)
    spread = ratio.max(axis=1) - ratio.min(axis=1)
    bound = mean + np.sqrt(2 * variance * unsure / m) + 7 * spread * unsure / (3 * max(1, m - 1))
    return np.asarray(np.minimum(bound, ratio.max(axis=1)))
