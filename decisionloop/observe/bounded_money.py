"""Money per decision from a log some of whose outcomes have not come: the figure, its interval and its bounds, at once.

For n decisions with a base b, a signed weight w, an expectation q and money r, and for a missing outcome the chance e
that it comes, with money l (0 as far as it does not), and N_a decisions in which action a was executed, of which A_a
have an outcome:

    value  mean of b + w N_a / (A_a + sum of e) * (r - q, or l - e q where it is missing)
    worst  mean of b + w N_a / (A_a + M_a) * (r - q, or l - e q + (1 - e) (the worst that w could meet - q))

with M_a decisions of the action whose outcome is missing: all that have none, so that the factor is 1, but in a replay
whose draws show the outcomes of a part of them only.

So in the value those that never come count as the others of their action do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from decisionloop.observe.estimate import Estimate, Floats
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.money_interval import RowMoney, money_estimate
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.observe.undrawn import UndrawnActions

COMES = np.array([1.0, 1.0, 0.0, 0.0])
"""The parts of `LateArrivals.share` that add up to whether an outcome comes at all."""


def bounded_money(
    logged: LoggedDecisions,
    base: Floats,
    importance: Floats,
    expected: Floats,
    confidence: float,
    undrawn: UndrawnActions | None = None,
) -> Estimate:
    """Mean of ``base`` + ``importance`` * (money - ``expected``), all (n,), whatever outcomes are missing.

    ``importance`` is not scaled for them, and is 0 where the action's money needs no outcome. ``undrawn``: what else
    could have been drawn, where that decides what is seen; it bears on the interval alone.
    """
    missing = logged.missing
    if missing is None or not missing.count or not len(logged):
        rows = row_money(logged, base, importance * logged.arrival_weight, expected)
        return money_estimate(replace(rows, undrawn=undrawn), confidence)
    late = missing.late_money - missing.come * expected
    told = money_estimate(replace(told_rows(logged, base, importance, expected), undrawn=undrawn), confidence)
    half = late_half_width(logged, importance, expected, confidence)
    extremes = [_Extreme(logged, missing, importance, expected, is_worst, undrawn) for is_worst in (True, False)]
    ends = [one.end(base, late, confidence) for one in extremes]
    is_used = missing.is_missing & (importance != 0)
    counts = int(is_used.sum()), float(missing.come[is_used].sum())
    told = widened(told, half)
    return replace(told, bounds=OutcomeBounds(*counts, *_around(told, *ends)) if is_used.any() else None)


def _around(told: Estimate, low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Bounds that hold the interval: whatever may be left out of a worst case, it is no better than the figure's own.

    The scaled weights of the interval spread more than the extremes' do, where most outcomes are missing.
    """
    if low is not None and told.low is not None:
        low = min(low, told.low)
    if high is not None and told.high is not None:
        high = max(high, told.high)
    return low, high


def told_rows(logged: LoggedDecisions, base: Floats, importance: Floats, expected: Floats) -> RowMoney:
    """The rows whose mean is the value of `bounded_money`, late outcomes as they are expected."""
    rows, missing = row_money(logged, base, importance * logged.arrival_weight, expected), logged.missing
    if missing is None or not missing.count:
        return rows
    late = missing.late_money - missing.come * expected
    return replace(rows, total=rows.total + logged.action_scale[logged.done] * importance * late)


def late_half_width(logged: LoggedDecisions, importance: Floats, expected: Floats, confidence: float) -> float:
    """Half the width of what is not known of the value because late outcomes are only expected."""
    missing = logged.missing
    if missing is None or not missing.count:
        return 0.0
    late = missing.late_money - missing.come * expected
    return missing.late.half_width(_gradient(logged, missing, importance, expected, late), confidence)


def row_money(logged: LoggedDecisions, base: Floats, weight: Floats, expected: Floats) -> RowMoney:
    """Rows ``base`` + ``weight`` * (money - ``expected``), all (n,), where the outcome has arrived."""
    is_told = logged.is_arrived & ~logged.is_exact[logged.action]
    surprise = np.where(is_told, logged.money - expected, 0.0)
    possible = None if logged.possible is None else logged.possible.beyond(logged.action, expected)
    return RowMoney(base + weight * surprise, weight, surprise, logged.action, logged.entity, possible)


def _gradient(
    logged: LoggedDecisions, missing: MissingOutcomes, importance: Floats, expected: Floats, late: Floats
) -> Floats:
    """(C, 4) derivative of the value by the shares of late outcomes: what they bring, and the others' lesser weight."""
    surprise = np.where(logged.is_arrived, logged.money - expected, late) * importance
    scale = logged.action_scale
    of_action = np.bincount(logged.done, weights=surprise, minlength=len(scale))
    there = logged.arrived_by_action + logged.come_by_action
    lesser = np.divide(scale * of_action, there, out=np.zeros_like(scale), where=there > 0)[logged.done]
    brings = (scale[logged.done] * importance)[:, None] * (missing.money - expected[:, None] * COMES)
    return missing.gradient(brings - lesser[:, None] * COMES) / len(logged)


@dataclass(frozen=True, eq=False)
class _Extreme:
    """What the missing outcomes could bring at ``worst`` or at best, row by row: all as of `bounded_money` (n,)."""

    logged: LoggedDecisions
    missing: MissingOutcomes
    importance: Floats
    expected: Floats
    is_worst: bool
    undrawn: UndrawnActions | None

    def end(self, base: Floats, late: Floats, confidence: float) -> float | None:
        """The lower bound of the worst case, or the upper bound of the best; None where it cannot be told."""
        missing, weight = self.missing, self.importance * self.logged.shown_scale[self.logged.done]
        extreme = np.where((weight > 0) == self.is_worst, missing.worst, missing.best)
        may_never_come = missing.is_missing & (missing.come < 1) & (weight != 0)
        if np.isnan(extreme[may_never_come]).any():
            return None
        extreme = np.nan_to_num(extreme)
        never = missing.is_missing * (1 - missing.come) * (extreme - self.expected)
        seen = np.where(self.logged.is_arrived, weight, 0.0)
        rows = row_money(self.logged, base, seen, self.expected)
        rows = replace(rows, total=rows.total + weight * (late + never), undrawn=self.undrawn)
        told = money_estimate(rows, confidence)
        by_part = weight[:, None] * (missing.money - extreme[:, None] * COMES) / len(weight)
        wide = widened(told, missing.late.half_width(missing.gradient(by_part), confidence))
        return wide.low if self.is_worst else wide.high


def widened(told: Estimate, half: float) -> Estimate:
    """An estimate with what is uncertain besides: half widths are squared and added, so that skewness survives."""
    if told.value is None or told.low is None or told.high is None:
        return told
    low, high = (float(np.hypot(end - told.value, half)) for end in (told.low, told.high))
    return replace(told, low=told.value - low, high=told.value + high)
