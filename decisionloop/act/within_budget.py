"""Choosing while a budget lasts: what a row could no longer pay is not open to it, whoever decides.

Rows are decided in their order, together as long as the most that they may cost is left. So what is open to a row
depends on what was drawn before it, and never on its own draw: its propensity is what the chance really was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.pacing import PeriodUse, budget_costs, use_of, without_unknown
from decisionloop.act.policy import Choice, choose_part
from decisionloop.act.prices import Plan
from decisionloop.act.rules_limits import LIMIT
from decisionloop.act.situation import Situation
from decisionloop.contract import UseCase

SPENT = f"{LIMIT}budget of the period"
"""Why a row could not get every action that it might."""


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


def choose_within(
    use_case: UseCase, frame: pd.DataFrame, as_of: datetime, situation: Situation, means: Means
) -> tuple[list[Choice], Spent]:
    """Choose for the n rows of ``frame`` within what is left of each budget; the choices are in their order.

    Raises what :func:`decisionloop.act.policy.choose_part` raises.
    """
    allowed = np.ones(situation.values.shape, dtype=bool) if situation.allowed is None else situation.allowed
    costs = _without_unknown(budget_costs(use_case, frame, means.totals), use_case.default_action)
    known, left = without_unknown(means.totals), means.left
    used, rest = PeriodUse.nothing(use_case), left.copy()
    choices: list[Choice] = []
    most = np.zeros(len(left))
    start = 0
    while start < len(frame):
        is_paid = (costs[:, start:] <= rest[:, None, None]).all(axis=0)
        is_open = allowed[start:] & is_paid
        dearest = np.where(is_open, costs[:, start:], 0.0).max(axis=2, initial=0.0)
        together = int((dearest.cumsum(axis=1) <= rest[:, None]).all(axis=0).sum())
        rows = slice(start, start + max(together, 1))
        is_open = is_open[: rows.stop - start]
        part = replace(situation.rows(rows), allowed=is_open)
        choice = choose_part(use_case, frame.iloc[rows].reset_index(drop=True), as_of, part, known, means.agreed)
        choices.append(_said(choice, np.asarray((allowed[rows] & ~is_open).any(axis=1))))
        spent = use_of(use_case, costs[:, rows], choice.action)
        used, rest = used + spent, left - _of_budgets(use_case, used + spent)
        most += dearest[:, : rows.stop - start].sum(axis=1)
        start = rows.stop
    return choices, Spent(used, most if len(choices) == 1 else np.full(len(left), np.inf))


def _of_budgets(use_case: UseCase, used: PeriodUse) -> np.ndarray:
    return PeriodUse.nothing(use_case).left(use_case) - used.left(use_case)


def _without_unknown(costs: np.ndarray, default: int) -> np.ndarray:
    """Costs (B, n, A): what nobody knows is more than there is, but for the default action, which costs nothing."""
    known = np.where(np.isnan(costs), np.inf, costs)
    known[:, :, default] = np.where(np.isfinite(known[:, :, default]), known[:, :, default], 0.0)
    return known


def _said(choice: Choice, is_cut: np.ndarray) -> Choice:
    """The choice, with the reason of the rows (n,) to which something was not open for want of money."""
    if not is_cut.any():
        return choice
    known = pd.Series(choice.fallback_reason, dtype=object)
    both = np.where(known.isna(), SPENT, known.astype("str") + f"; {SPENT}")
    return replace(choice, fallback_reason=np.where(is_cut, both, choice.fallback_reason))
