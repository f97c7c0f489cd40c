"""Whether any model could keep the policy's constraints in a batch: exploring, holdout and fallbacks use them, too."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.act.constraints import UnknownCost
from decisionloop.act.policy import choose
from decisionloop.act.preference import allowed_actions
from decisionloop.act.prices import InfeasibleConstraints
from decisionloop.act.situation import Situation
from decisionloop.contract import UseCase


def unkept_constraints(use_case: UseCase, frame: pd.DataFrame, as_of: datetime, rules_action: np.ndarray) -> str:
    """Why no model can decide this batch (n rows) within the contract's constraints; "" where one can.

    What is within reach does not hang on what a model expects, so one is asked that expects nothing of any action.
    ``rules_action`` (n,): the index of what the rules choose.
    """
    if not use_case.policy.constraints or frame.empty:
        return ""
    values = np.zeros((len(frame), len(use_case.actions)))
    situation = Situation(values, rules_action, has_model=True, allowed=allowed_actions(use_case, frame))
    try:
        choose(use_case, frame, as_of, situation)
    except (InfeasibleConstraints, UnknownCost) as error:
        return str(error)
    return ""
