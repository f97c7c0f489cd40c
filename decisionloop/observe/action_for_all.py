"""What one action would have earned over the rules, given to everybody who may get it: what trying it has shown.

Exploration takes an action for people whom the rules would give another one, so the log tells what it would bring them,
also where nobody prefers it yet. `observe.known_actions` says the same of actions whose money needs no outcome.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from decisionloop.act.preference import allowed_actions
from decisionloop.contract import UseCase
from decisionloop.observe.cohort import Figure, is_policy_traffic, told_where_supported
from decisionloop.observe.estimate import Codes
from decisionloop.observe.executed_actions import executed_index
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import difference, one_hot

FOR_ALL = "action_for_all_over_rules"


def for_all_figures(
    use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, logged: LoggedDecisions, rules: Codes
) -> Iterator[Figure]:
    """`FOR_ALL`, slice "action=NAME": money a decision of the policy's n decisions, all with it, over the rules.

    ``log`` as `cohort.money_figures` has it, aligned with ``frame``, ``logged`` and with the rules' action (n,). Who
    may not get the action has that of the rules on both sides. An action that nobody was given, or that the rules give
    everybody who may get it, has no figure; where too few tried it the figure says that nobody can tell.
    """
    free = is_policy_traffic(log)
    if not free.any():
        return
    policy, own, done = logged.subset(free), rules[free], executed_index(use_case, log)[free]
    allowed, actions = allowed_actions(use_case, frame)[free], len(use_case.actions)
    for action, name in enumerate(use_case.action_names):
        gets = np.where(allowed[:, action], action, own)
        if (gets != own).any() and (done == action).any():
            told = difference(policy, one_hot(gets, actions), one_hot(own, actions))
            yield Figure(FOR_ALL, told_where_supported(told.money, told.overlap), f"action={name}")
