"""A figure with the interval that the data leaves it, and with what missing outcomes could make of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from decisionloop.observe.outcome_bounds import OutcomeBounds


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that the data leaves it; None where there is nothing to say.

    ``bounds`` say what outcomes that have not come could make of it; None: all have come.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    bounds: OutcomeBounds | None = None

    @classmethod
    def of(
        cls,
        value: float | None,
        low: float | None = None,
        high: float | None = None,
        bounds: OutcomeBounds | None = None,
    ) -> Estimate:
        """An estimate from raw numbers: NaN and infinities become None."""
        if bounds is not None:
            bounds = OutcomeBounds(bounds.missing, bounds.to_come, _finite(bounds.low), _finite(bounds.high))
        return cls(_finite(value), _finite(low), _finite(high), bounds)

    @property
    def is_known(self) -> bool:
        """True when there is a figure at all."""
        return self.value is not None

    @property
    def is_nothing(self) -> bool:
        """Whether it is surely zero: a difference of two who did the same."""
        is_bounded_so = self.bounds is None or self.bounds.low == self.bounds.high == 0.0
        return self.low == self.high == 0.0 and is_bounded_so

    @property
    def sign(self) -> int:
        """1 or -1 when the whole interval lies on that side of zero; 0 when the data cannot tell."""
        if self.low is None or self.high is None:
            return 0
        return 1 if self.low > 0 else -1 if self.high < 0 else 0

    @property
    def is_sign_open(self) -> bool:
        """Whether missing outcomes could turn the sign that the interval is sure of."""
        return self.bounds is not None and self.bounds.is_sign_open(self.low, self.high)

    @property
    def is_mostly_missing(self) -> bool:
        """Whether missing outcomes leave it at least twice as open as its interval says."""
        ends = self.at_the_bounds
        if self.low is None or self.high is None or ends.low is None or ends.high is None:
            return False
        return ends.high - ends.low >= 2 * (self.high - self.low)

    @property
    def at_the_bounds(self) -> Estimate:
        """The figure between what missing outcomes make of it at worst and at best; unknown where nothing bounds it."""
        return Estimate() if self.bounds is None else Estimate(self.value, self.bounds.low, self.bounds.high)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
