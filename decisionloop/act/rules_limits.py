"""Rules within the limits on shares and cost: rows in excess, drawn at random, take the default action.

A model's batch that exceeds a limit goes to the rules. Rules have nobody to go to: what is too much of an action is
given to the default one, by a draw that repeats, so that the propensities of both are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals, budgets
from decisionloop.act.draws import uniform_draws
from decisionloop.act.economics import action_costs
from decisionloop.contract import UseCase

LIMIT = "limit: "
"""How the reason of a row begins whose choice a limit has cut."""

RulesParts = Callable[[], Iterable[tuple[pd.DataFrame, np.ndarray]]]
"""The parts of a batch, each its frame and what the rules, exploring, have drawn (n,), index in contract order."""


@dataclass(frozen=True)
class RulesLimits:
    """Below which draw the rules' choice of each action (A,) stands, and the share of its rows for which it does.

    ``wording`` (A,) names the limit that cuts an action, "" where none does: there every choice stands.
    """

    below: tuple[float, ...]
    kept: tuple[float, ...]
    wording: tuple[str, ...]

    @property
    def is_cutting(self) -> bool:
        """Whether any action is cut."""
        return any(self.wording)


@dataclass(frozen=True)
class LimitedRules:
    """What the limits make of n choices: which are cut (n,), and why (n,)."""

    is_cut: np.ndarray
    reason: np.ndarray


def rules_limits(
    use_case: UseCase, as_of: datetime, salt: str, totals: BatchTotals, parts: RulesParts
) -> RulesLimits | None:
    """Where the contract's largest shares and largest cost cut the rules' choice over the batch; None: nowhere.

    A smallest share cannot be brought about this way, and neither can a largest share of the default action: nothing
    is cut for them, and the guardrails say so afterwards. A cost that nobody knows counts as too much.
    """
    guardrails, default = use_case.guardrails, use_case.default_action
    if not totals.rows or (not guardrails.action_share and guardrails.maximum_cost is None):
        return None
    action, draw, extra, base = _everyone(use_case, as_of, salt, totals, parts)
    below, wording = np.ones(len(use_case.actions)), [""] * len(use_case.actions)
    for name, (_, largest) in guardrails.action_share.items():
        index, most = use_case.action_names.index(name), int(np.floor(largest * len(action) + 1e-9))
        rows = draw[action == index]
        if index != default and len(rows) > most:
            below[index], wording[index] = float(np.partition(rows, most)[most]), f"largest share of {name}"
    for budget_extra, budget_base in zip(extra, base, strict=True):
        within = _affordable(
            draw, np.where(draw < below[action], budget_extra, 0.0), guardrails.maximum_cost, budget_base
        )
        for index in np.unique(action[budget_extra > 0]):
            if index != default and within < below[index]:
                below[index], wording[index] = within, "largest cost"
    total = np.bincount(action, minlength=len(below))
    stands = np.bincount(action[draw < below[action]], minlength=len(below))
    kept = np.divide(stands, total, out=np.ones(len(below)), where=total > 0)
    limits = RulesLimits(tuple(below.tolist()), tuple(kept.tolist()), tuple(wording))
    return limits if limits.is_cutting else None


def within_limits(
    use_case: UseCase, limits: RulesLimits | None, frame: pd.DataFrame, as_of: datetime, salt: str, rules: np.ndarray
) -> LimitedRules:
    """Who of the rows of ``frame``, for whom the rules chose ``rules`` (n,), takes the default action instead."""
    nothing = np.full(len(rules), None, dtype=object)
    if limits is None:
        return LimitedRules(np.zeros(len(rules), dtype=bool), nothing)
    is_cut = _draws(use_case, frame, as_of, salt) >= np.array(limits.below)[rules]
    words = np.array([f"{LIMIT}{one}" for one in limits.wording], dtype=object)[rules]
    return LimitedRules(is_cut, np.where(is_cut, words, nothing))


def _draws(use_case: UseCase, frame: pd.DataFrame, as_of: datetime, salt: str) -> np.ndarray:
    return uniform_draws(frame[use_case.entity.key], as_of, salt, "rules within limits")


def _everyone(
    use_case: UseCase, as_of: datetime, salt: str, totals: BatchTotals, parts: RulesParts
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], list[float]]:
    """Action and draw (n,) of the whole batch and, under each budget that has a limit, what every row costs beyond the
    default action (n,), and what the default action for everybody would cost."""
    bounded = budgets(use_case) if use_case.guardrails.maximum_cost is not None else ()
    actions, draws = [], []
    extra: list[list[np.ndarray]] = [[] for _ in bounded]
    base = [0.0 for _ in bounded]
    for frame, rules in parts():
        actions.append(rules)
        draws.append(_draws(use_case, frame, as_of, salt))
        for place, budget in enumerate(bounded):
            cost = np.nan_to_num(action_costs(use_case, frame, budget, totals.largest_costs[place]), nan=np.inf)
            default = cost[:, use_case.default_action]
            taken = cost[np.arange(len(rules)), rules]
            extra[place].append(np.where(np.isfinite(default), taken - np.where(np.isfinite(default), default, 0), 0.0))
            base[place] += float(default[np.isfinite(default)].sum())
    return np.concatenate(actions), np.concatenate(draws), [np.concatenate(one) for one in extra], base


def _affordable(draw: np.ndarray, extra: np.ndarray, most: float | None, base: float) -> float:
    """The draw below which every row keeps its action so that the batch costs at most ``most``."""
    assert most is not None  # without it there is no budget to keep
    order = np.argsort(draw, kind="stable")
    spent = np.cumsum(np.maximum(extra[order], 0.0))
    if not len(spent) or spent[-1] <= most - base:
        return 1.0
    return float(draw[order][int(np.searchsorted(spent, most - base, side="right"))])
