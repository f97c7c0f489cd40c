"""What the rules choose: the use case's ``rules.py``, run on the canonical frame and checked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import RULES_FILE, UseCaseCode
from decisionloop.contract.user_code import UserCodeFailed, call
from decisionloop.errors import ContractError, Fault


def apply_rules(use_case: UseCase, code: UseCaseCode, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The rules' action, index in contract order (n,) int64, and their reason in words (n,) of text.

    The rules see the features alone: neither the entity nor a protected attribute. Without a ``reasons`` function
    the reason is the action's wording. Raises ContractError when the functions fail, return something else than
    one text a row, or name an action that the contract does not know.
    """
    seen = frame[list(use_case.feature_names)].reset_index(drop=True)
    names = _run(use_case, "rules", code.rules, seen)
    action = pd.Index(use_case.action_names).get_indexer(pd.Index(names))
    unknown = sorted({str(name) for name in names[action < 0]})
    if unknown:
        remedy = f"Return one of {', '.join(use_case.action_names)} for every row, missing features included."
        raise _error(use_case, "rules", ", ".join(unknown[:3]), "is not an action of the contract", remedy)
    if code.reasons is not None:
        return action.astype(np.int64), _run(use_case, "reasons", code.reasons, seen)
    wording = np.array([f"the rules chose to {a.wording}" for a in use_case.actions], dtype=object)
    return action.astype(np.int64), wording[action]


def _run(use_case: UseCase, name: str, function: object, seen: pd.DataFrame) -> np.ndarray:
    assert callable(function)
    try:
        returned = call(function, seen.copy())
    except UserCodeFailed as failed:
        fault = Fault(name, failed.where or "an exception", f"failed: {failed.problem}", "Correct it.", failed.line)
        raise ContractError(f"{RULES_FILE} of {use_case.name}", [fault]) from failed
    if not isinstance(returned, pd.Series) or not returned.index.equals(seen.index):
        remedy = "Return a Series with the index of `features`, e.g. pd.Series(..., index=features.index)."
        raise _error(use_case, name, type(returned).__name__, "is not a Series with one value a row", remedy)
    return returned.to_numpy(dtype=object)


def _error(use_case: UseCase, function: str, value: str, problem: str, remedy: str) -> ContractError:
    return ContractError(f"{RULES_FILE} of {use_case.name}", [Fault(function, value, problem, remedy)])
