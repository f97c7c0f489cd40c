"""How far amounts are from what a release predicts of them, out of fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.training_set import revealing_probability
from decisionloop.observe.cohort import is_policy_traffic
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.possible_money import UsualAmounts, amounts_by_class
from decisionloop.predict.predictions import Predictions


def amount_metrics(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> dict[str, float]:
    """How far predicted amounts are from those that came, out of fold and weighted for selection, in the amount's unit.

    ``amount_error`` is the root mean square of the differences, ``amount_bias`` the mean of predicted less seen. Of the
    policy traffic among the n rows of ``batches``; {} where the outcome has no amount or none was seen.
    """
    seen = _seen_amounts(use_case, batches, predictions)
    if seen is None:
        return {}
    known = is_policy_traffic(batches.log) & ~np.isnan(seen.amount - seen.expected)
    if not known.any():
        return {}
    apart, weight = (seen.expected - seen.amount)[known], 1 / revealing_probability(use_case, batches.log.loc[known])
    return {
        "amount_error": float(np.sqrt(np.average(apart**2, weights=weight))),
        "amount_bias": float(np.average(apart, weights=weight)),
    }


def residual_sizes(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> UsualAmounts:
    """How far amounts fall below and above what is predicted of them out of fold, by class; () without an amount.

    ``predictions`` are of the n rows of ``batches``; rows without an amount, or a prediction of it, say nothing.
    """
    seen = _seen_amounts(use_case, batches, predictions)
    return () if seen is None else amounts_by_class(use_case, seen.outcome, seen.amount, seen.expected)


@dataclass(frozen=True)
class _SeenAmounts:
    """Outcome, amount, and the amount that was expected of the action taken and that outcome (n,); NaN: not known."""

    outcome: np.ndarray
    amount: np.ndarray
    expected: np.ndarray


def _seen_amounts(use_case: UseCase, batches: LoggedBatches, predictions: Predictions) -> _SeenAmounts | None:
    """What was seen of amounts beside what was expected; None where the outcome has none."""
    if use_case.outcome.amount is None or predictions.amount is None:
        return None
    log, rows = batches.log, np.arange(len(batches.log))
    outcome, amount = (
        log[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("outcome_class", "outcome_amount")
    )
    taken = executed_index(use_case, log)
    class_ = np.nan_to_num(outcome).astype(int) if predictions.amount.shape[2] == 2 else np.zeros(len(log), dtype=int)
    return _SeenAmounts(outcome, amount, predictions.amount[rows, taken, class_])
