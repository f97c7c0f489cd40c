"""What is known of the missing outcomes of several cohorts at once, each from the cohorts before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from decisionloop.observe.estimate import Floats
from decisionloop.observe.late_arrivals import LateArrivals


@dataclass(frozen=True, eq=False)
class LateOfCohorts:
    """One `LateArrivals` for each of K cohorts, which have as many cells each; cells are numbered cohort by cohort."""

    parts: tuple[LateArrivals, ...]

    @cached_property
    def share(self) -> Floats:
        """(K C, 4) the shares of all cohorts, one after another."""
        return np.concatenate([one.share for one in self.parts])

    @property
    def cohorts(self) -> int:
        """The most cohorts that any of them rests on."""
        return max(one.cohorts for one in self.parts)

    def half_width(self, gradient: Floats, confidence: float) -> float:
        """Half the interval of ``gradient`` (K C, 4) times ``share``.

        The same earlier cohorts speak of several later ones, so that errors are added up and do not cancel.
        """
        by_cohort = np.split(gradient, len(self.parts))
        return sum(one.half_width(part, confidence) for one, part in zip(self.parts, by_cohort, strict=True))
