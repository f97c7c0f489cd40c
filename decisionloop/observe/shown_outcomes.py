"""How many decisions each outcome stands for that the replay of an experiment shows.

Its draw shows an action that was likelier in the log oftener (`sources.randomised_log`): a plain mean over what is
shown would be one of the likely actions. Money is weighted so by `LoggedDecisions.arrival_weight`, other means by this.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.observe.estimate import Floats
from decisionloop.observe.executed_actions import executed_index


def shown_weight(use_case: UseCase, log: pd.DataFrame, is_known: np.ndarray) -> Floats | None:
    """(n,) decisions of the action executed for one of ``is_known`` (n,), 0 for the others; None: all stand for one.

    ``log``: n decisions. Only the replay of an experiment leaves outcomes out by what was done.
    """
    if not use_case.are_outcomes_drawn:
        return None
    action, actions = executed_index(use_case, log), len(use_case.actions)
    taken, known = (np.bincount(rows, minlength=actions).astype(float) for rows in (action, action[is_known]))
    scale = np.divide(taken, known, out=np.zeros(actions), where=known > 0)
    return np.where(is_known, scale[action], 0.0)
