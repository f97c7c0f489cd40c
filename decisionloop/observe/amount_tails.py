"""How far amounts fall from what a model expects of them, and what that means in money.

An amount has no bound, so a bet counts it up to `REACH` usual deviations s on the side that hurts, and takes off what
lies beyond on average. Of deviations x > 0 that is no more than E x^2 / (4 k s), and no more than
27 E x^4 / (256 (k s)^3): each is the largest that (x - t)+ can be for the power of x that is known (set its derivative
by x to nought). The second is by far the smaller one where large amounts are only a few times as large as usual ones,
and the larger one where tails are heavy; the smaller of both counts.

Deviations are taken in multiples of what is expected, where amounts have one sign and that makes them smaller: whoever
spends ten times as much as others usually spends ten times as irregularly. Amounts that were never below nought are
counted down to nought and no further.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase
from decisionloop.observe.estimate import Floats
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.possible_money import AmountSizes, FarMoney, UsualAmounts

REACH = 8.0
"""Usual deviations beyond which an amount that hurts is counted as though it were so large."""
LARGEST_ERROR = 0.25
"""Relative standard error up to which a mean fourth power says anything: of a heavy tail a few large ones make it."""
SURE_OF_FOURTH = 2.0
"""Standard errors by which it is taken to be larger than it was seen."""


@dataclass(frozen=True)
class AmountTails:
    """Deviations of amounts of one class from what is expected of them.

    ``is_relative``: in multiples of what is expected, else in the amount's unit. ``below``, ``above``: root mean square
    of each side; ``beyond_below``, ``beyond_above``: what deviations exceed `REACH` of these by, on average at most.
    ``least``, ``most``: the extremes that were seen, <= 0 <=. ``is_signed``: amounts below nought were seen.
    """

    is_relative: bool
    below: float
    above: float
    beyond_below: float
    beyond_above: float
    least: float
    most: float
    is_signed: bool

    @classmethod
    def of(cls, amount: Floats, expected: Floats, usual: AmountSizes | None = None) -> AmountTails | None:
        """Of the amounts (n,) around what was ``expected`` (n,), NaN where either is not known; ``usual``: of what is
        known besides no size is smaller. None where there are none and nothing is known."""
        is_known = np.isfinite(amount) & np.isfinite(expected)
        amount, expected = amount[is_known], expected[is_known]
        is_signed = bool((amount < 0).any())
        absolute = cls._around(amount - expected, usual, is_signed)
        if is_signed or not amount.size or (expected <= 0).any() or absolute is None:
            return absolute
        mean = float(expected.mean())
        known = None if usual is None else AmountSizes(1.0, usual.below / mean, usual.above / mean)
        relative = cls._around(amount / expected - 1, known, is_signed)
        assert relative is not None  # there are amounts
        is_smaller = mean * (relative.below + relative.above) < absolute.below + absolute.above
        return replace(relative, is_relative=True) if is_smaller else absolute

    @classmethod
    def _around(cls, apart: Floats, usual: AmountSizes | None, is_signed: bool) -> AmountTails | None:
        if not apart.size and usual is None:
            return None
        known = (usual.below, usual.above) if usual is not None else (0.0, 0.0)
        sides = np.maximum(-apart, 0.0), np.maximum(apart, 0.0)
        below, above = (max(_usual(side), size) for side, size in zip(sides, known, strict=True))
        return cls(
            is_relative=False,
            below=below,
            above=above,
            beyond_below=_beyond(sides[0], below),
            beyond_above=_beyond(sides[1], above),
            least=float(min(apart.min(initial=0.0), -known[0])),
            most=float(max(apart.max(initial=0.0), known[1])),
            is_signed=is_signed,
        )

    def amounts(self, expected: Floats, low: float, high: float) -> tuple[Floats, Floats]:
        """Amounts (n,) that lie ``low`` and ``high`` from what is ``expected`` (n,) of them."""
        unit = np.maximum(expected, 0.0) if self.is_relative else np.ones_like(expected)
        ends = expected + low * unit, expected + high * unit
        return ends if self.is_signed else (np.maximum(ends[0], 0.0), np.maximum(ends[1], 0.0))

    def seen(self, expected: Floats) -> tuple[Floats, Floats]:
        """The smallest and the largest amount (n,) by the extremes that were seen."""
        return self.amounts(expected, self.least, self.most)

    def far(self, expected: Floats) -> tuple[Floats, Floats]:
        """The smallest and the largest amount (n,) that is counted."""
        return self.amounts(expected, -REACH * self.below, REACH * self.above)

    def beyond(self, expected: Floats) -> tuple[Floats, Floats]:
        """By how much amounts (n,) lie below and above these on average, at most."""
        unit = np.maximum(expected, 0.0) if self.is_relative else np.ones_like(expected)
        return self.beyond_below * unit, self.beyond_above * unit


TailsByClass = tuple[AmountTails | None, ...]


def tails_of(use_case: UseCase, log: pd.DataFrame, predicted: Floats, usual: UsualAmounts = ()) -> TailsByClass:
    """The tails by class (one where the outcome has none) of the amounts of a log (n decisions) around ``predicted``
    (n, A, C), what a model expects of each action and class."""
    outcome, amount = (
        log[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("outcome_class", "outcome_amount")
    )
    action, many = executed_index(use_case, log), predicted.shape[2]
    known = usual or (None,) * many
    masks = [np.ones(len(log), dtype=bool)] if many == 1 else [outcome == class_ for class_ in range(many)]
    return tuple(
        AmountTails.of(np.where(mask, amount, np.nan), predicted[np.arange(len(log)), action, place], sizes)
        for place, (mask, sizes) in enumerate(zip(masks, known, strict=True))
    )


def far_money(use_case: UseCase, frame: pd.DataFrame, predicted: Floats, tails: TailsByClass) -> FarMoney | None:
    """The least and the most that each action of n rows counts as, and what lies beyond; None where nothing tells.

    ``predicted`` (n, A, C) amounts. NaN where money cannot be said, as where a feature that it needs is missing.
    """
    if any(one is None for one in tails):
        return None
    rows, many = len(frame), len(use_case.actions)
    classes = (0.0, 1.0) if use_case.outcome.class_ else (np.nan,)
    ends, beyond = np.full((2, rows, many), np.nan), np.zeros((2, rows, many))
    for action in range(many):
        for class_, expected, one in zip(classes, predicted[:, action].T, tails, strict=True):
            assert one is not None

            def money(amount: Floats, action: int = action, class_: float = class_) -> Floats:
                return realised_values(use_case, frame, np.full(rows, action), np.full(rows, class_), amount)

            at_ends = [money(amount) for amount in one.far(expected)]
            ends[0, :, action] = np.fmin.reduce([ends[0, :, action], *at_ends])
            ends[1, :, action] = np.fmax.reduce([ends[1, :, action], *at_ends])
            slope = np.nan_to_num(money(np.ones(rows)) - money(np.zeros(rows)))
            low, high = np.nan_to_num(one.beyond(expected))
            falls = np.where(slope > 0, low, high) * np.abs(slope), np.where(slope > 0, high, low) * np.abs(slope)
            beyond[:, :, action] = np.maximum(beyond[:, :, action], falls)
    return FarMoney(ends[0], ends[1], beyond[0], beyond[1])


def _usual(side: Floats) -> float:
    apart = side[side > 0]
    return float(np.sqrt((apart**2).mean())) if apart.size else 0.0


def _beyond(side: Floats, usual: float) -> float:
    """What deviations (n,) of a side, 0 on the other, exceed `REACH` times the ``usual`` one by, on average at most."""
    if usual == 0:
        return 0.0
    least = REACH * usual
    second, power = usual**2 / (4 * least), side**4
    mean, error = (float(power.mean()), float(power.std() / np.sqrt(power.size))) if power.size else (0.0, 0.0)
    if not mean or error > LARGEST_ERROR * mean:
        return second
    return min(second, 27 * (mean + SURE_OF_FOURTH * error) / (256 * least**3))
