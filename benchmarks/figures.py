"""One measured figure, what was measured beside it in the same run, and the goal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True)
class Spread:
    """A figure that was taken ``runs`` times: the smallest, the median and the largest."""

    low: float
    median: float
    high: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of these values."""
        taken = sorted(values)
        return cls(taken[0], median(taken), taken[-1], len(taken))

    def times(self, factor: float) -> Spread:
        """The same in another unit, `factor` of which make one of this."""
        return Spread(self.low * factor, self.median * factor, self.high * factor, self.runs)

    def rate(self, amount: float) -> Spread:
        """`amount` in each of these: rows a second from the seconds that `amount` rows took."""
        return Spread(amount / self.high, amount / self.median, amount / self.low, self.runs)


Value = Spread | float | None
"""Repeated, taken once, or not to be had."""


@dataclass(frozen=True)
class Figure:
    """A figure, what was measured ``beside`` it, and the ``goal``, if it has one.

    The goal bounds the value, or the ratio (value / beside_value) where ``is_goal_of_ratio``; ``better`` says from
    which side. ``value`` None: it could not be measured, and ``note`` says why.
    """

    name: str
    value: Value
    unit: str
    beside: str = ""
    beside_value: Value = None
    goal: float | None = None
    better: Literal["higher", "lower"] = "higher"
    is_goal_of_ratio: bool = False
    note: str = ""

    @property
    def number(self) -> float:
        """The value, the median where it was taken several times, NaN where it could not be taken."""
        return _middle(self.value)

    @property
    def beside_number(self) -> float:
        """The same of what was measured beside it."""
        return _middle(self.beside_value)

    @property
    def ratio(self) -> float:
        """The value divided by what was measured beside it; NaN where there is nothing to divide by."""
        return self.number / self.beside_number if self.beside_number else math.nan

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached, None without one. What could not be measured reaches no goal."""
        if self.goal is None:
            return None
        measured = self.ratio if self.is_goal_of_ratio else self.number
        return measured >= self.goal if self.better == "higher" else measured <= self.goal

    def as_dict(self) -> dict[str, object]:
        """The figure for a script to read: medians with ``low`` and ``high`` beside them; None is not there."""
        return {
            "name": self.name,
            **_parts("", self.value),
            "unit": self.unit,
            "beside": self.beside,
            **_parts("beside_", self.beside_value),
            "ratio": _finite(self.ratio),
            "goal": self.goal,
            "better": self.better,
            "is_goal_of_ratio": self.is_goal_of_ratio,
            "is_met": self.is_met,
            "note": self.note,
        }


def _middle(value: Value) -> float:
    if value is None:
        return math.nan
    return value.median if isinstance(value, Spread) else value


def _parts(prefix: str, value: Value) -> dict[str, float | None]:
    spread = value if isinstance(value, Spread) else Spread(_middle(value), _middle(value), _middle(value), 1)
    return {
        f"{prefix}value": _finite(spread.median),
        f"{prefix}low": _finite(spread.low),
        f"{prefix}high": _finite(spread.high),
        f"{prefix}runs": 0 if value is None else spread.runs,
    }


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
