"""How a candidate fares where decisions are known to lose money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from decisionloop.act.economics import action_values, realised_values
from decisionloop.contract import UseCase
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.observe.cohort import is_policy_traffic
from decisionloop.observe.estimate import Estimate, weighted_mean
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.failures import money_surprise
from decisionloop.observe.slice_predicate import apply_slice
from decisionloop.predict.predictions import Predictions


@dataclass(frozen=True)
class Weakness:
    """A weak slice that a candidate was told of: the cohort that it was found in, in words and as a predicate, its
    decisions, and the money that each brought less than was expected (below 0). ``candidate_money`` is the same of
    the candidate on the log that taught it, out of fold (`surprise_on_slices`)."""

    cohort: str
    description: str
    predicate: str
    n: int
    money_per_decision: float
    candidate_money: Estimate


def surprise_on_slices(
    use_case: UseCase, batches: LoggedBatches, predictions: Predictions, predicates: Sequence[str]
) -> tuple[Estimate, ...]:
    """What a decision of each slice brought less what the candidate would have expected of it, in currency.

    ``predictions`` are out-of-fold predictions of the n rows of ``batches``; only policy traffic whose outcome is known
    counts. Near 0 the candidate knows what the slice is worth; as far below 0 as when the slice was found, it has
    learnt nothing about it. Raises UsageError for a predicate that this contract's features cannot answer.
    """
    action = executed_index(use_case, batches.log)
    outcome, amount = batches.log["outcome_class"], batches.log["outcome_amount"]
    realised = realised_values(use_case, batches.frame, action, outcome, amount)
    surprise = money_surprise(use_case, realised, action_values(use_case, batches.frame, predictions), action)
    counts = is_policy_traffic(batches.log) & ~np.isnan(surprise)
    entity = batches.log["entity_id"].to_numpy(dtype=object)
    rows = [counts & apply_slice(predicate, batches.frame) for predicate in predicates]
    return tuple(weighted_mean(surprise[inside], None, entity[inside]) for inside in rows)
