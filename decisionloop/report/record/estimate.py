"""A figure with the interval that the data leaves it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that the data leaves it; None where there is nothing to say."""

    value: float | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, value: float | None, low: float | None = None, high: float | None = None) -> Estimate:
        """An estimate from raw numbers: NaN and infinities become None."""
        return cls(_finite(value), _finite(low), _finite(high))

    @property
    def is_known(self) -> bool:
        """True when there is a figure at all."""
        return self.value is not None

    @property
    def sign(self) -> int:
        """1 or -1 when the whole interval lies on that side of zero; 0 when the data cannot tell."""
        if self.low is None or self.high is None:
            return 0
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
