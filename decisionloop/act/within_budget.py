"""Choosing while a budget lasts: what a row could no longer pay is not open to it, whoever decides.

Rows are decided in their order, together as long as the most that they may cost is left. So what is open to a row
depends on what was drawn before it, and never on its own draw: its propensity is what the chance really was. A row that
had no chance of what cannot be paid is chosen as ever, and no limit is the reason of anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.pacing import PeriodUse, budget_costs, use_of, without_unknown
from decisionloop.act.policy import Choice, choose_part
from decisionloop.act.prices import Plan
from decisionloop.act.situation import SPENT, Situation, allowed_rules
from decisionloop.contract import UseCase


@dataclass(frozen=True, eq=False)
class Means:
    """With what rows are chosen: what is ``left`` of each budget (B,), the prices that were ``agreed`` on, if any.

    ``totals``: the largest costs that are known.
    """

    left: np.ndarray
    agreed: Plan | None
    totals: BatchTotals


@dataclass(frozen=True)
class Spent:
    """What n rows used, and the most (B,) that they might have cost; infinite where that hung on what was drawn."""

    use: PeriodUse
    most: np.ndarray

    def is_within(self, left: np.ndarray) -> bool:
        """Whether it could be paid of what is ``left`` (B,), whatever was drawn."""
        return bool((self.most <= left).all())


@dataclass(frozen=True, eq=False)
class Within:
    """The ``choices`` of n rows in their order, what they ``spent``, and which actions could be paid: bool (n, A)."""

    choices: list[Choice]
    spent: Spent
    is_paid: np.ndarray


def choose_within(
    use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation, means: Means
) -> Within:
    """Choose for the n rows of ``frame`` within what is left of each budget.

    Raises what :func:`decisionloop.act.policy.choose_part` raises.
    """
    allowed = np.ones(situation.values.shape, dtype=bool) if situation.allowed is None else situation.allowed
    costs = _without_unknown(budget_costs(use_case, frame, means.totals), use_case.default_action)
    known, left, paid = without_unknown(means.totals), means.left, np.ones(allowed.shape, dtype=bool)
    used, rest = PeriodUse.nothing(use_case), left.copy()
    choices: list[Choice] = []
    most = np.zeros(len(left))
    start = 0
    while start < len(frame):
        is_paid = np.asarray((costs[:, start:] <= rest[:, None, None]).all(axis=0))
        is_paid[:, use_case.default_action] = True  # it costs nothing, and sums of what was spent may be a hair large
        is_open = allowed[start:] & is_paid
        dearest = np.where(is_open, costs[:, start:], 0.0).max(axis=2, initial=0.0)
        together = int((dearest.cumsum(axis=1) <= rest[:, None]).all(axis=0).sum())
        rows = slice(start, start + max(together, 1))
        paid[rows] = is_paid[: rows.stop - start]
        part = frame.iloc[rows].reset_index(drop=True)

        def chosen(open_to: np.ndarray, part: pd.DataFrame = part, rows: slice = rows) -> Choice:
            known_of = replace(situation.rows(rows), allowed=open_to)
            return choose_part(use_case, part, as_of, known_of, known, means.agreed)

        choice = _choice_of_open(chosen, allowed[rows], paid[rows])
        choices.append(choice)
        spent = use_of(use_case, costs[:, rows], choice.action)
        used = used + spent
        rest = left - used.spent(use_case)
        most += dearest[:, : rows.stop - start].sum(axis=1)
        start = rows.stop
    return Within(choices, Spent(used, most if len(choices) == 1 else np.full(len(left), np.inf)), paid)


def rules_within(use_case: UseCase, situation: Situation, rules: np.ndarray, is_paid: np.ndarray) -> np.ndarray:
    """What rules that chose ``rules`` (n,) could have done (n,): what ``is_paid`` (n, A), for they pay like anybody."""
    allowed = np.ones(is_paid.shape, dtype=bool) if situation.allowed is None else situation.allowed
    can_pay = is_paid[np.arange(len(rules)), rules]
    return np.where(can_pay, rules, allowed_rules(use_case, rules, allowed & is_paid))


def _choice_of_open(chosen: Callable[[np.ndarray], Choice], allowed: np.ndarray, is_paid: np.ndarray) -> Choice:
    """The choice of n rows among what is ``allowed`` (n, A) and ``is_paid`` (n, A).

    Who has no chance of what cannot be paid is chosen as though all of it could; whether a row says that it was cut
    hangs on its chances, and not on what it drew.
    """
    free = chosen(allowed)
    is_cut = np.asarray(((free.propensities > 0) & ~is_paid).any(axis=1))
    return _cut_rows(free, chosen(allowed & is_paid), is_cut) if is_cut.any() else free


def _without_unknown(costs: np.ndarray, default: int) -> np.ndarray:
    """Costs (B, n, A): what nobody knows is more than there is, but for the default action, which costs nothing."""
    known = np.where(np.isnan(costs), np.inf, costs)
    known[:, :, default] = np.where(np.isfinite(known[:, :, default]), known[:, :, default], 0.0)
    return known


def _cut_rows(free: Choice, cut: Choice, is_cut: np.ndarray) -> Choice:
    """``free``, and ``cut`` of the rows (n,) that had a chance of what cannot be paid: these say so."""
    reason = pd.Series(cut.fallback_reason, dtype=object)
    said = np.where(reason.isna(), SPENT, reason.astype("str") + f"; {SPENT}")
    return replace(
        free,
        action=np.where(is_cut, cut.action, free.action),
        propensity=np.where(is_cut, cut.propensity, free.propensity),
        propensities=np.where(is_cut[:, None], cut.propensities, free.propensities),
        role=np.where(is_cut, cut.role, free.role),
        expected_value=np.where(is_cut, cut.expected_value, free.expected_value),
        fallback_reason=np.where(is_cut, said, free.fallback_reason),
        is_outside=np.where(is_cut, cut.is_outside, free.is_outside),
        is_on_trial=np.where(is_cut, cut.is_on_trial, free.is_on_trial),
    )
