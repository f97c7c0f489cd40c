"""The policy's constraints over a watching period: what is left of each, and at which prices the rest is chosen.

What is decided one at a time cannot agree on prices with what has not come yet. So the last rows stand for those that
are still to come: prices are agreed on over them as over a batch, within what the period has left for so many rows. As
it goes they are agreed on anew, so that what ran ahead is made good (resolving; Jasin and Kumar 2012).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals, Limit, budgets
from decisionloop.act.economics import action_costs
from decisionloop.contract import UseCase
from decisionloop.contract.operation import BudgetConstraint


@dataclass(frozen=True)
class PeriodUse:
    """How many ``rows`` a period has decided, and what they used of each constraint (C,), in the contract's order.

    That is money of a budget, and decisions of a share.
    """

    rows: int
    used: tuple[float, ...]

    @classmethod
    def nothing(cls, use_case: UseCase) -> PeriodUse:
        """A period that has begun."""
        return cls(0, (0.0,) * len(use_case.policy.constraints))

    def __add__(self, other: PeriodUse) -> PeriodUse:
        """Both together."""
        return PeriodUse(self.rows + other.rows, tuple(a + b for a, b in zip(self.used, other.used, strict=True)))

    def spent(self, use_case: UseCase) -> np.ndarray:
        """Money that was used of each budget (B,), in the contract's order."""
        pairs = zip(use_case.policy.constraints, self.used, strict=True)
        return np.array([used for one, used in pairs if isinstance(one, BudgetConstraint)])

    def left(self, use_case: UseCase) -> np.ndarray:
        """Money that is left of each budget (B,), in the contract's order."""
        return np.array([one.limit for one in budgets(use_case)]) - self.spent(use_case)


def without_unknown(totals: BatchTotals) -> BatchTotals:
    """The same totals, where a cost that nobody knows is 0: for prices, which such an action is not chosen by."""
    known = tuple(np.where(np.isneginf(one), 0.0, one) for one in totals.largest_costs)
    return replace(totals, largest_costs=known)


def budget_costs(use_case: UseCase, frame: pd.DataFrame, totals: BatchTotals) -> np.ndarray:
    """What each action costs under each budget (B, n, A); what is unknown costs the most of ``totals``."""
    pairs = zip(budgets(use_case), totals.largest_costs, strict=True)
    costs = [action_costs(use_case, frame, budget, largest) for budget, largest in pairs]
    return np.stack(costs) if costs else np.zeros((0, len(frame), len(use_case.actions)))


def use_of(use_case: UseCase, costs: np.ndarray, action: np.ndarray) -> PeriodUse:
    """What ``action`` (n,) uses of each constraint, at ``costs`` (B, n, A)."""
    row, place, used = np.arange(len(action)), 0, []
    for one in use_case.policy.constraints:
        if isinstance(one, BudgetConstraint):
            used.append(float(costs[place][row, action].sum()))
            place += 1
        else:
            used.append(float((action == use_case.action_names.index(one.action)).sum()))
    return PeriodUse(len(action), tuple(used))


def rows_left(used: PeriodUse, gone: float, usual_rows: int | None) -> float:
    """How many rows are still to come when the share ``gone`` in (0, 1] of a period has passed; at least one.

    ``usual_rows``: of the period before, None where there is none; the present one counts as far as it has come.
    """
    before, weight = (0.0, 0.0) if usual_rows is None else (float(usual_rows), 1.0)
    pace = (before + used.rows) / (weight + gone)
    return max(pace * (1.0 - gone), 1.0)


def limits_ahead(
    use_case: UseCase, limits: tuple[Limit, ...], used: PeriodUse, to_come: float, rows: int
) -> tuple[Limit, ...]:
    """The ``limits`` of ``rows`` that stand for the ``to_come`` of a period, with what it has left of each for them."""
    share, whole = rows / to_come, used.rows + to_come
    ahead = []
    for limit in limits:
        index = int(limit.path.rpartition(".")[2])
        constraint = use_case.policy.constraints[index]
        if isinstance(constraint, BudgetConstraint):
            bound = max(constraint.limit - used.used[index], 0.0) * share
        else:
            stated = constraint.minimum if limit.sign < 0 else constraint.maximum
            bound = limit.sign * float(np.clip((stated * whole - used.used[index]) * share, 0.0, rows))
        ahead.append(replace(limit, bound=bound))
    return tuple(ahead)
