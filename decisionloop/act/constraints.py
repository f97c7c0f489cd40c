"""The contract's constraints as linear limits on what a batch is expected to do, exploration included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_costs, largest_costs
from decisionloop.contract import UseCase
from decisionloop.contract.operation import BudgetConstraint, ShareConstraint
from decisionloop.errors import DecisionLoopError


class UnknownCost(DecisionLoopError):
    """A budget cannot be kept because the cost of an action is unknown for every row of the batch.

    ``broken``: which, in words.
    """

    exit_code = 1

    def __init__(self, message: str, broken: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.broken = tuple(broken)


@dataclass(frozen=True)
class Limit:
    """The batch's expected sum of ``coefficient`` (n, A) over the chosen actions must not exceed ``bound``.

    ``unit`` divides the sum into what the contract states (rows for a share, 1 for money); ``sign`` is -1 where
    the contract states a minimum.
    """

    path: str
    wording: str
    coefficient: np.ndarray
    bound: float
    unit: float = 1.0
    sign: float = 1.0

    @property
    def name(self) -> str:
        """Which constraint it is, in the contract's words."""
        return f"{self.path} ({self.wording})"

    def stated(self, total: float) -> float:
        """A sum of coefficients in the contract's own terms."""
        return self.sign * total / self.unit

    def rows(self, index: np.ndarray) -> Limit:
        """The same limit over rows in the order of ``index``."""
        return replace(self, coefficient=self.coefficient[index])


@dataclass(frozen=True)
class BatchTotals:
    """What a part of a batch must know of the whole: its ``rows`` and, a budget each, the largest costs (A,)."""

    rows: int
    largest_costs: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, use_case: UseCase, frame: pd.DataFrame) -> BatchTotals:
        """The totals of one part; `+` makes those of the batch."""
        return cls(len(frame), tuple(largest_costs(use_case, frame, budget) for budget in budgets(use_case)))

    def __add__(self, other: BatchTotals) -> BatchTotals:
        """Rows add up; of the largest costs the larger one counts."""
        pairs = zip(self.largest_costs, other.largest_costs, strict=True)
        return BatchTotals(self.rows + other.rows, tuple(np.maximum(mine, theirs) for mine, theirs in pairs))


def budgets(use_case: UseCase) -> tuple[BudgetConstraint, ...]:
    """The constraints of the policy that bound a cost, in the contract's order."""
    return tuple(one for one in use_case.policy.constraints if isinstance(one, BudgetConstraint))


def limits_of(use_case: UseCase, frame: pd.DataFrame, totals: BatchTotals | None = None) -> tuple[Limit, ...]:
    """Every constraint of the policy as limits over the rows of ``frame``, a part of the batch of ``totals``.

    Without ``totals`` the frame is the batch. Bounds are those of the batch. Raises UnknownCost when a budget's cost
    is unknown for every row.
    """
    return tuple(_limits(use_case, frame, totals or BatchTotals.of(use_case, frame)))


def _limits(use_case: UseCase, frame: pd.DataFrame, totals: BatchTotals) -> Iterator[Limit]:
    largest = iter(totals.largest_costs)
    for index, constraint in enumerate(use_case.policy.constraints):
        path = f"policy.constraints.{index}"
        if isinstance(constraint, ShareConstraint):
            yield from _share(use_case, constraint, path, len(frame), totals.rows)
            continue
        costs = action_costs(use_case, frame, constraint, next(largest))
        if np.isnan(costs).any():
            unknown = [name for name, cost in zip(use_case.action_names, costs.T, strict=True) if np.isnan(cost).any()]
            raise UnknownCost(
                f"{path}.cost: the cost of {', '.join(unknown)} is unknown for every row of the batch. "
                "Repair the features that the expression reads.",
                [f"{path}.cost"],
            )
        wording = f"cost of at most {constraint.limit:g} {use_case.economics.currency}"
        yield Limit(path, wording, costs, constraint.limit)


def _share(use_case: UseCase, constraint: ShareConstraint, path: str, rows: int, batch_rows: int) -> Iterator[Limit]:
    is_action = np.zeros((rows, len(use_case.actions)))
    is_action[:, use_case.action_names.index(constraint.action)] = 1.0
    share, unit = f"share of {constraint.action} of at", float(batch_rows)
    if constraint.maximum < 1:
        bound = constraint.maximum * batch_rows
        yield Limit(path, f"{share} most {constraint.maximum:g}", is_action, bound, unit)
    if constraint.minimum > 0:
        bound = -constraint.minimum * batch_rows
        yield Limit(path, f"{share} least {constraint.minimum:g}", -is_action, bound, unit, sign=-1.0)
