"""Natural variation: how much accepted batches differ among themselves, beyond what chance explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from decisionloop.monitor.compare.distance import distance
from decisionloop.monitor.compare.profile import FrameProfile

FEWEST_BATCHES = 4
BEYOND = 1e-3
"""Chance that the distance of the next batch exceeds the tolerance though nothing has changed."""
LARGEST_MULTIPLE = 2.0
"""A tolerance never exceeds so many times ``monitors.minimum_shift``: slow drift cannot teach itself in."""


@dataclass(frozen=True)
class Variation:
    """Tolerance of one feature (or slice) with its evidence.

    ``threshold`` is the upper prediction limit for the distance of the next batch to the one before it, in total
    variation, at most twice the minimum shift; ``mean`` and ``sd`` are of the distances between ``batches`` in a row.
    """

    feature: str
    threshold: float
    batches: int
    mean: float
    sd: float


def natural_variation(profiles: Sequence[FrameProfile], minimum_shift: float = 0.1) -> dict[str, Variation]:
    """Tolerance of every column from the profiles of accepted batches, oldest first; {} from fewer than four.

    Raises UsageError where their bins differ.
    """
    if not profiles:
        return {}
    for profile in profiles:
        profile.require(profiles[0].bins_digest)
    variations = {
        name: variation_of(name, [one.cells(name) for one in profiles], minimum_shift) for name in profiles[0].counts
    }
    return {name: variation for name, variation in variations.items() if variation is not None}


def variation_of(name: str, batches: Sequence[npt.NDArray[np.int64]], minimum_shift: float = 0.1) -> Variation | None:
    """Tolerance from the counts (cells,) of batches in a row, empty ones left out; None of fewer than four.

    The limit is that of a next observation of normal distances, mean + t sd sqrt(1 + 1/N) with Student's t at
    ``BEYOND`` and N - 1 degrees of freedom: with few batches it is wide, and then the cap decides.
    """
    from scipy.special import stdtrit

    counted = [cells for cells in batches if cells.sum() > 0]
    if len(counted) < FEWEST_BATCHES:
        return None
    distances = np.array([distance(now, before, 0.5).figure.value for before, now in pairwise(counted)], dtype=float)
    mean, sd = float(distances.mean()), float(distances.std(ddof=1))
    limit = mean + float(stdtrit(len(distances) - 1, 1 - BEYOND)) * sd * float(np.sqrt(1 + 1 / len(distances)))
    return Variation(name, min(limit, LARGEST_MULTIPLE * minimum_shift), len(counted), mean, sd)


def tolerated_shift(minimum_shift: float, natural: float | None) -> float:
    """The shift up to which nothing is an alarm: the contract's, or the natural variation if that is larger."""
    return max(minimum_shift, min(natural or 0.0, LARGEST_MULTIPLE * minimum_shift))
