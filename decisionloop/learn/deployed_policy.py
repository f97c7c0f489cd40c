"""The policy that a release would be once it decides: what `act` would do with it on the batches of the log.

A release left to itself is another policy than the one that is deployed: there the holdout and rows with a fault stay
on the rules and use the batch's budget, exploration takes its share, and limits are kept by a mixture. So whole batches
are decided again, by the very functions that decide, and the gate reads its own rows off the result.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.act.constraints import UnknownCost
from decisionloop.act.economics import action_values
from decisionloop.act.exploration.seen_money import NOTHING_SEEN
from decisionloop.act.policy import choose
from decisionloop.act.preference import allowed_actions
from decisionloop.act.prices import InfeasibleConstraints
from decisionloop.act.situation import STANDING_IN, Situation, is_row_fault
from decisionloop.contract import UseCase
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.predict.predictions import Predictions


def deployed_policy(
    use_case: UseCase,
    batches: LoggedBatches,
    predictions: Predictions | None,
    supported: np.ndarray | None = None,
) -> np.ndarray:
    """Probability (n, A) of each action for n decisions of whole batches, were the release to decide them.

    Args:
        batches: all decisions of an as-of are its batch; each explores as it would have explored then, by what had
            been seen when it was decided.
        predictions: of the release (n rows); None: the rules decide.
        supported: where it may decide, bool (n, A); None: everywhere.

    Where a batch's constraints cannot be kept the rules stand in, as they do when it is decided.
    """
    log, frame, reason = batches.log, batches.frame, batches.rules_reason
    many = len(use_case.actions)
    values = np.full((len(log), many), np.nan) if predictions is None else action_values(use_case, frame, predictions)
    allowed, is_fault = allowed_actions(use_case, frame), is_row_fault(log["fallback_reason"])
    probabilities = np.empty((len(log), many))
    for as_of, rows in log.groupby("as_of").indices.items():
        at = pd.Timestamp(str(as_of)).to_pydatetime()
        situation = Situation(
            values[rows],
            batches.rules_action[rows],
            has_model=predictions is not None,
            allowed=allowed[rows],
            is_fallback=is_fault[rows],
            reason=None if reason is None else reason[rows],
            seen=batches.seen.get(at, NOTHING_SEEN),
            supported=None if supported is None else supported[rows],
            are_rules_stopped=batches.are_rules_stopped,
        )
        probabilities[rows] = _chances(use_case, frame.iloc[rows].reset_index(drop=True), at, situation)
    return probabilities


def _chances(use_case: UseCase, batch: pd.DataFrame, as_of: datetime, situation: Situation) -> np.ndarray:
    try:
        return choose(use_case, batch, as_of, situation).propensities
    except (InfeasibleConstraints, UnknownCost):
        stands_in = replace(situation, rules_because=f"{STANDING_IN}constraints cannot be kept")
        return choose(use_case, batch, as_of, stands_in).propensities
