"""What missing outcomes could make of a figure at worst and at best: bounds that stand beside its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OutcomeBounds:
    """Of a figure some of whose outcomes have not come: the least and the most that it could be, at its confidence.

    ``missing`` outcomes have not come, of which about ``to_come`` still will, as earlier cohorts show; of the rest
    nothing is known. ``low`` and ``high`` are None where a figure cannot be bounded. An amount is assumed to lie in the
    range of those that have come.
    """

    missing: int
    to_come: float
    low: float | None = None
    high: float | None = None

    def scaled(self, factor: float) -> OutcomeBounds:
        """The same in another unit; a factor below 0 turns the bounds."""
        if self.low is None or self.high is None:
            return self
        low, high = sorted((self.low * factor, self.high * factor))
        return OutcomeBounds(self.missing, self.to_come, low, high)

    def is_sign_open(self, low: float | None, high: float | None) -> bool:
        """Whether 0 lies between the bounds although it does not lie in the interval from ``low`` to ``high``."""
        if self.low is None or self.high is None or low is None or high is None:
            return False
        return not low <= 0 <= high and self.low <= 0 <= self.high
