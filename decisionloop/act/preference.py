"""Which actions are allowed for whom, and which one a model would take if nothing else mattered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.act.situation import allowed_rules
from decisionloop.contract import UseCase
from decisionloop.contract.expressions import Expression
from decisionloop.predict.few_rows import column_names


def allowed_actions(use_case: UseCase, frame: pd.DataFrame) -> np.ndarray:
    """Bool (n, A): the contract's ``allowed_if`` of each action; what reads a missing feature is not allowed."""
    allowed = np.ones((len(frame), len(use_case.actions)), dtype=bool)
    types = {feature.name: feature.type for feature in use_case.features}
    for index, action in enumerate(use_case.actions):
        if not action.allowed_if:
            continue
        expression = Expression(action.allowed_if)
        names = sorted(expression.names & set(column_names(frame)))
        values: dict[str, np.ndarray | float] = {
            name: frame[name].to_numpy(dtype=object if types[name] == "category" else np.float64) for name in names
        }
        holds = expression.holds(values | use_case.economics.constants, len(frame))
        allowed[:, index] = holds & frame[names].notna().all(axis=1).to_numpy()
    return allowed


def actions_within_reach(rules_action: np.ndarray, supported: np.ndarray) -> np.ndarray:
    """What a release may prefer, bool (n, A): the rules' action (n,) and, where that is supported, all others that are.

    ``supported`` (n, A): where the log shows what an action brings. A preference compares two actions, so both must
    be supported (SPIBB: Laroche, Trichelair and Tachet des Combes 2019, with the rules as the baseline policy).
    """
    row = np.arange(len(rules_action))
    reach = supported & supported[row, rules_action][:, None]
    reach[row, rules_action] = True
    return reach


def reach_of(
    use_case: UseCase, frame: pd.DataFrame, rules_action: np.ndarray, supported: np.ndarray | None
) -> np.ndarray | None:
    """What a release may prefer (n, A) beside what the rules would do (n,); None: everything."""
    if supported is None:
        return None
    return actions_within_reach(allowed_rules(use_case, rules_action, allowed_actions(use_case, frame)), supported)


def preferred_action(
    use_case: UseCase, frame: pd.DataFrame, values: np.ndarray, reach: np.ndarray | None = None
) -> np.ndarray:
    """The allowed action of greatest value (n,), the default one where it ties or no value is known.

    ``values`` (n, A) expected money; ``reach`` (n, A): what may be preferred, None: everything. Constraints,
    exploration and holdout are the policy's and not looked at.
    """
    is_open = allowed_actions(use_case, frame) & ~np.isnan(values)
    worth = np.where(is_open if reach is None else is_open & reach, values, -np.inf)
    default = use_case.default_action
    best = worth.argmax(axis=1)
    is_better = worth[np.arange(len(frame)), best] > worth[:, default]
    return np.where(is_better, best, default)
