"""Derive from the log that teaches a release where it speaks: the release's support rule (`predict.support_rule`).

Kinds of rows are the leaves of a regression tree. It is grown on what is revealed of each action and on what the
candidate predicts of it, so that rows of a kind are explored alike and look alike to the candidate. What became of a
decision is no part of it: outcomes are counted here, and not read.

A kind is at least a KINDS-th of the log, and large enough that an action that is usual there can have the minimum of
outcomes. So the more a log holds, the rarer an exploration speaks for a kind; and flat exploring of a few percent does
so late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values
from decisionloop.act.preference import preferred_action, reach_of
from decisionloop.contract import UseCase
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.training_set import is_revealed, revealing_probability
from decisionloop.observe.cohort import is_policy_traffic
from decisionloop.observe.executed_actions import executed_index, is_overridden
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.support_rule import KindTree, Seen, SupportInput, SupportRule, numbers_of

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

KINDS = 64
"""No kind of row is smaller than this part of the log."""

FEW_VALUES = 32
"""An integer or a category of so many different values has been seen in each of them, or has not."""


def support_rule(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> SupportRule:
    """The support rule of a candidate that ``batches`` teach and whose (out-of-fold) ``predictions`` are of their rows.

    The minimum of outcomes is `gate.minimum_effective_n`: with fewer the gate would not answer either.
    """
    is_meant = is_policy_traffic(batches.log)
    log, frame = batches.log.loc[is_meant].reset_index(drop=True), batches.frame.loc[is_meant].reset_index(drop=True)
    rules, minimum = batches.rules_action[is_meant], use_case.gate.minimum_effective_n
    inputs = support_inputs(use_case)
    numbers, revealed = numbers_of(inputs, frame, rules), _revealed(use_case, log)
    target = np.column_stack([revealed[:, _needs_outcome(use_case)], _ranks(predictions.rows(is_meant))])
    tree = _grown(numbers, target, max(2 * minimum, len(log) / KINDS))
    return SupportRule(
        actions=use_case.action_names,
        is_known=use_case.is_value_known,
        inputs=inputs,
        tree=tree,
        outcomes=_counted(use_case, log, tree.leaves(numbers), rules, revealed),
        seen=tuple(
            () if is_known else tuple(_seen(one, numbers[revealed[:, action], k]) for k, one in enumerate(inputs))
            for action, is_known in enumerate(use_case.is_value_known)
        ),
        minimum=minimum,
    )


@dataclass(frozen=True)
class Reach:
    """What a support rule leaves of a candidate on the log that taught it, as shares of the policy's decisions.

    ``may_decide``: another action than the rules' is within reach. ``departs``: there the candidate departs from the
    rules. ``copies``: it would depart from them and has too little to go by. ``kinds`` of rows that are told apart,
    ``minimum`` effective outcomes that are enough for one.
    """

    may_decide: float
    departs: float
    copies: float
    kinds: int
    minimum: float


def reach_in_log(use_case: UseCase, batches: LoggedBatches, predictions: Predictions, rule: SupportRule) -> Reach:
    """What ``rule`` leaves of a candidate whose ``predictions`` are of the n rows of ``batches``."""
    traffic, predictions = batches.policy_traffic(), predictions.rows(is_policy_traffic(batches.log))
    frame, rules = traffic.frame, traffic.rules_action
    reach = reach_of(use_case, frame, rules, rule.supported(use_case.action_names, frame, rules))
    assert reach is not None  # the rule says where
    values = action_values(use_case, frame, predictions)
    bound, unbound = (preferred_action(use_case, frame, values, within) for within in (reach, None))
    return Reach(
        may_decide=float((reach.sum(axis=1) > 1).mean()),
        departs=float((bound != rules).mean()),
        copies=float(((bound == rules) & (unbound != rules)).mean()),
        kinds=rule.kinds,
        minimum=rule.minimum,
    )


def support_inputs(use_case: UseCase) -> tuple[SupportInput, ...]:
    """The model's inputs as the rule reads them."""
    return tuple(
        SupportInput(one.name, tuple(map(str, one.categories)) if one.type == "category" else None)
        for one in use_case.model_inputs
    )


def _needs_outcome(use_case: UseCase) -> np.ndarray:
    return ~np.array(use_case.is_value_known)


def _revealed(use_case: UseCase, log: pd.DataFrame) -> np.ndarray:
    """True (n, A) where the log shows what the action brings: it was taken and revealed, or all reveal the same."""
    known = is_revealed(use_case, log)[:, None]
    if not use_case.outcome.depends_on_action:
        return np.broadcast_to(known, (len(log), len(use_case.actions))).copy()
    taken = np.where(is_overridden(log), -1, executed_index(use_case, log))  # an override shows nothing of the choice
    is_taken = taken[:, None] == np.arange(len(use_case.actions))
    return known & is_taken & np.array(use_case.revealing)


def _ranks(predictions: Predictions) -> np.ndarray:
    """What is predicted of each action as its rank in (0, 1], (n, J): money's scale must not decide what is a kind."""
    parts = [part.reshape(len(part), -1) for part in (predictions.probability, predictions.amount) if part is not None]
    told = pd.DataFrame(np.column_stack(parts)).dropna(axis=1, how="all")
    return told.rank(pct=True).fillna(0.5).to_numpy()


def _grown(numbers: np.ndarray, target: np.ndarray, smallest: float) -> KindTree:
    from sklearn.tree import DecisionTreeRegressor

    fitted = DecisionTreeRegressor(min_samples_leaf=int(np.ceil(smallest)), random_state=0).fit(numbers, target)
    return _tree(fitted)


def _tree(fitted: DecisionTreeRegressor) -> KindTree:
    grown = fitted.tree_
    is_leaf = grown.children_left < 0
    leaf = np.where(is_leaf, np.cumsum(is_leaf) - 1, -1)
    return KindTree(
        feature=tuple(np.where(is_leaf, -1, grown.feature).tolist()),
        threshold=tuple(np.where(is_leaf, 0.0, grown.threshold).tolist()),
        left=tuple(grown.children_left.tolist()),
        right=tuple(grown.children_right.tolist()),
        is_missing_left=tuple(grown.missing_go_to_left.astype(bool).tolist()),
        leaf=tuple(leaf.tolist()),
    )


def _counted(
    use_case: UseCase, log: pd.DataFrame, leaf: np.ndarray, rules: np.ndarray, revealed: np.ndarray
) -> tuple[tuple[tuple[float, ...], ...], ...]:
    """Effective number (Kish, by entity) of revealed outcomes by leaf, rules' action and action (L, A, A)."""
    many = len(use_case.actions)
    counts = np.zeros((int(leaf.max(initial=0)) + 1, many, many))
    known = pd.DataFrame({"leaf": leaf, "rules": rules, "entity": log["entity_id"].to_numpy(dtype=object)})
    known["weight"] = 1 / revealing_probability(use_case, log)
    for action in range(many):
        of_entity = known[revealed[:, action]].groupby(["leaf", "rules", "entity"])["weight"].sum()
        sums = pd.DataFrame({"one": of_entity, "squared": of_entity**2}).groupby(level=["leaf", "rules"]).sum()
        where = sums.index.get_level_values("leaf"), sums.index.get_level_values("rules")
        counts[(*where, action)] = sums["one"] ** 2 / sums["squared"]
    return tuple(tuple(map(tuple, of_leaf)) for of_leaf in counts.round(1).tolist())


def _seen(one: SupportInput, numbers: np.ndarray) -> Seen:
    known = np.unique(numbers[~np.isnan(numbers)])
    has_missing = bool(np.isnan(numbers).any())
    if not len(known):
        return Seen((), 0.0, 0.0, has_missing)
    is_discrete = one.categories is not None or bool((known == np.round(known)).all())
    values = tuple(known.tolist()) if is_discrete and len(known) <= FEW_VALUES else None
    return Seen(values, float(known[0]), float(known[-1]), has_missing)
