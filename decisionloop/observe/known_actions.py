"""What the decisions of a cohort earned over one action for everybody, where that action's money needs no outcome.

What doing nothing costs, or an inspection at a fixed price, is known for every decision without a trial: so nothing is
needed of the log's propensities, and a policy that loses against it can be told at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from decisionloop.act.preference import allowed_actions
from decisionloop.contract import UseCase
from decisionloop.observe.bounded_money import bounded_money
from decisionloop.observe.cohort import Figure, is_policy_traffic
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.logged_decisions import Flags, LoggedDecisions
from decisionloop.observe.value import realised_parts, realised_value

KNOWN_ACTION_LIFT = "value_over_known_action"
CONFIDENCE = 0.95


def known_action_figures(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, logged: LoggedDecisions
) -> Iterator[Figure]:
    """``value_over_known_action``, slice "action=NAME": money a decision of the policy's n decisions over that action.

    ``log`` as `cohort.money_figures` has it, aligned with ``frame`` and ``logged``. Who may not get the action, or for
    whom its money cannot be told, keeps what was done. An action that nobody may get has no figure, nor has one that
    everybody got.
    """
    free = is_policy_traffic(log)
    policy, known = logged.subset(free), np.flatnonzero(use_case.is_value_known)
    if not len(policy):
        return
    allowed, done = allowed_actions(use_case, frame)[free], executed_index(use_case, log)[free]
    for action in known.tolist():
        differs = allowed[:, action] & np.isfinite(policy.expected_values[:, action]) & (done != action)
        if differs.any():
            yield Figure(KNOWN_ACTION_LIFT, _lift(policy, action, differs), f"action={use_case.action_names[action]}")


def _lift(policy: LoggedDecisions, action: int, differs: Flags) -> Estimate:
    """Money a decision over the action, which changes only the rows that ``differs`` (n,)."""
    base, importance, expected = realised_parts(policy)
    over = np.where(differs, base - policy.expected_values[:, action], 0.0)
    told = bounded_money(policy, over, importance * differs, expected, CONFIDENCE)
    realised = realised_value(policy).per_decision
    return told if realised.is_known else replace(realised, bounds=told.bounds)
