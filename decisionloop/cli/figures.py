"""A figure as a script reads it: with its interval, and with what outcomes that have not come could make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from decisionloop.report.record.estimate import Estimate
    from decisionloop.report.record.story import PeriodMoney


@dataclass(frozen=True)
class ToldFigure:
    """A figure in currency and its interval from ``low`` to ``high``; null each where it cannot be told.

    ``missing`` outcomes of it have not come: whatever they are, it lies between ``worst`` and ``best`` (null: nothing
    bounds it, or none is missing).
    """

    value: float | None
    low: float | None
    high: float | None
    worst: float | None
    best: float | None
    missing: int

    @classmethod
    def of(cls, figure: Estimate) -> ToldFigure:
        """The figure of the story's own record."""
        ends, bounds = figure.at_the_bounds, figure.bounds
        missing = 0 if bounds is None else bounds.missing
        return cls(figure.value, figure.low, figure.high, ends.low, ends.high, missing)


@dataclass(frozen=True)
class MoneyStatus:
    """Money of all periods whose outcomes are complete, as the story's headline has it: the loop, the rules on the same
    decisions, and the difference. ``held_back``: cohorts among them that are held back.
    """

    periods: int
    decisions: int
    policy: ToldFigure
    rules: ToldFigure
    difference: ToldFigure
    held_back: tuple[str, ...]

    @classmethod
    def of(cls, money: Sequence[PeriodMoney]) -> MoneyStatus | None:
        """The periods that count as one; None where none does."""
        from decisionloop.report.record.totals import covered, total_of

        total = total_of(money)
        if total is None:
            return None
        policy, rules, difference = (ToldFigure.of(one) for one in (total.policy, total.rules, total.difference))
        return cls(len(covered(money)), total.decisions, policy, rules, difference, total.held_back)
