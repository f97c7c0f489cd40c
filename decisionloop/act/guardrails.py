"""What stops a batch before and after its actions are chosen; measuring a score shift does not belong here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals, budgets
from decisionloop.act.economics import action_costs
from decisionloop.contract import UseCase
from decisionloop.contract.operation import BudgetConstraint


@dataclass(frozen=True)
class GuardFinding:
    """One guardrail, looked at: what was observed, the limit, and what to do. A model that violates it must not act."""

    name: str
    is_violated: bool
    observed: float
    limit: float
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}: {self.observed:.6g} observed, limit {self.limit:.6g}"


def guard_before(use_case: UseCase, score_shift: float | None) -> tuple[GuardFinding, ...]:
    """Look at what is known before anything is chosen.

    Args:
        score_shift: total-variation distance of the batch's scores from the release's reference, in [0, 1]; None
            where the champion has no scores. NaN, a distance that could not be measured, is a violation.
    """
    if score_shift is None:
        return ()
    limit = use_case.guardrails.maximum_score_shift
    remedy = "Compare the batch's features with the release's reference. If the change is real, retrain."
    return (GuardFinding("score shift", not score_shift <= limit, score_shift, limit, remedy),)


@dataclass(frozen=True)
class Tally:
    """What was chosen in a part of a batch, counted: rows by action (A,), and the cost under each budget."""

    actions: tuple[int, ...]
    costs: tuple[float, ...]

    @classmethod
    def of(cls, use_case: UseCase, frame: pd.DataFrame, action: np.ndarray, totals: BatchTotals | None = None) -> Tally:
        """Count the actions (n,) chosen for the rows of ``frame``, a part of the batch of ``totals``."""
        whole = totals or BatchTotals.of(use_case, frame)
        row = np.arange(len(frame))
        costs = [
            float(action_costs(use_case, frame, budget, largest)[row, action].sum())
            for budget, largest in zip(budgets(use_case), whole.largest_costs, strict=True)
        ]
        counts = np.bincount(action, minlength=len(use_case.actions))
        return cls(tuple(counts.tolist()), tuple(costs))

    def __add__(self, other: Tally) -> Tally:
        """Two parts together."""
        return Tally(
            tuple(mine + theirs for mine, theirs in zip(self.actions, other.actions, strict=True)),
            tuple(mine + theirs for mine, theirs in zip(self.costs, other.costs, strict=True)),
        )


def guard_after(use_case: UseCase, tally: Tally) -> tuple[GuardFinding, ...]:
    """Look at the realised shares and cost of a choice before it is logged or sent; () for an empty batch."""
    if not sum(tally.actions):
        return ()
    return (*_shares(use_case, tally), *_costs(use_case, tally))


def _shares(use_case: UseCase, tally: Tally) -> Iterator[GuardFinding]:
    for name, (low, high) in use_case.guardrails.action_share.items():
        share = tally.actions[use_case.action_names.index(name)] / sum(tally.actions)
        remedy = (
            f"Look at why `{name}` is chosen so {{}}: scores, economics, constraints. If it is right, change "
            f"guardrails.action_share.{name}."
        )
        yield GuardFinding(f"smallest share of {name}", share < low, share, low, remedy.format("rarely"))
        yield GuardFinding(f"largest share of {name}", share > high, share, high, remedy.format("often"))


def _costs(use_case: UseCase, tally: Tally) -> Iterator[GuardFinding]:
    limit = use_case.guardrails.maximum_cost
    if limit is None:
        return
    is_budget = [isinstance(constraint, BudgetConstraint) for constraint in use_case.policy.constraints]
    for index, cost in zip(np.flatnonzero(is_budget), tally.costs, strict=True):
        remedy = (
            f"Lower policy.constraints.{index}.limit so that chance stays below this, or raise guardrails.maximum_cost."
        )
        yield GuardFinding(f"cost of policy.constraints.{index}", not cost <= limit, cost, limit, remedy)
