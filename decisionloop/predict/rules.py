"""What the rules choose: the use case's ``rules.py``, run on the canonical frame and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import RULES_FILE, UseCaseCode
from decisionloop.contract.user_code import UserCodeFailed, call
from decisionloop.errors import ContractError, Fault
from decisionloop.predict.few_rows import ordinary_frame
from decisionloop.predict.row_faults import EVERY_FEATURE

SAMPLE = 200
"""Sound rows that tell whether the rules read a feature."""


@dataclass(frozen=True)
class RulesChoice:
    """The rules' ``action``, index in contract order (n,) int64, and their ``reasons`` in words (n,) of text."""

    action: np.ndarray
    reasons: np.ndarray


def choose_by_rules(
    use_case: UseCase,
    code: UseCaseCode,
    frame: pd.DataFrame,
    faults: np.ndarray | None = None,
    sound_rows: pd.DataFrame | None = None,
) -> RulesChoice:
    """What the rules choose for n rows; a row whose rule inputs are broken gets the default action.

    ``faults`` (n,) says why each row is faulty, "" where it is not: `range: status; missing: limit`, or that nothing is
    known of it: `unknown: every feature`. A fault in a feature that the rules do not read is none of theirs.
    ``sound_rows``: other rows that tell what they read, for a frame that has none without a fault. Raises what
    :func:`apply_rules` raises.
    """
    is_broken = _broken(use_case, code, frame, np.full(len(frame), "") if faults is None else faults, sound_rows)
    if not is_broken.any():
        return RulesChoice(*apply_rules(use_case, code, frame))
    action, words = np.full(len(frame), use_case.default_action), np.empty(len(frame), dtype=object)
    action[~is_broken], words[~is_broken] = apply_rules(use_case, code, frame[~is_broken])
    assert faults is not None  # no row is broken without
    wording = use_case.actions[use_case.default_action].wording
    words[is_broken] = [f"the default action is to {wording}, because of {fault}" for fault in faults[is_broken]]
    return RulesChoice(action, words)


def _broken(
    use_case: UseCase, code: UseCaseCode, frame: pd.DataFrame, faults: np.ndarray, sound_rows: pd.DataFrame | None
) -> np.ndarray:
    """Rows (n,) with a fault in a feature that the rules read."""
    is_faulty = np.asarray(faults != "", dtype=bool)
    is_broken = np.zeros(len(frame), dtype=bool)
    if not is_faulty.any():
        return is_broken
    named = [{one.partition(": ")[2] for one in str(text).split("; ")} for text in faults[is_faulty]]
    sound = frame[~is_faulty].head(SAMPLE)
    if sound.empty and sound_rows is not None:
        sound = sound_rows
    read = {
        name for name in set[str]().union(*named) & set(use_case.feature_names) if _reads(use_case, code, sound, [name])
    }
    if any(EVERY_FEATURE in features for features in named) and _reads(use_case, code, sound, use_case.feature_names):
        read.add(EVERY_FEATURE)
    is_broken[is_faulty] = [bool(features & read) for features in named]
    return is_broken


def _reads(use_case: UseCase, code: UseCaseCode, sound: pd.DataFrame, features: Sequence[str]) -> bool:
    """Whether the rules read features: they fail without, or choose otherwise. Unknown without a sound row: yes."""
    if sound.empty:
        return True
    names, seen = list(use_case.feature_names), sound.reset_index(drop=True)
    with_it = _run(use_case, "rules", code.rules, seen[names])
    try:
        without = _run(use_case, "rules", code.rules, seen[[name for name in names if name not in features]])
    except ContractError:
        return True
    return not np.array_equal(with_it, without)


def apply_rules(use_case: UseCase, code: UseCaseCode, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The rules' action, index in contract order (n,) int64, and their reason in words (n,) of text.

    The rules see the features alone: neither the entity nor a protected attribute. Without a ``reasons`` function
    the reason is the action's wording. Raises ContractError when the functions fail, return something else than
    one text a row, or name an action that the contract does not know.
    """
    names = _run(use_case, "rules", code.rules, _features(use_case, frame))
    action = _indices(use_case.action_names, names)
    unknown = sorted({str(name) for name in names[action < 0]})
    if unknown:
        remedy = f"Return one of {', '.join(use_case.action_names)} for every row, missing features included."
        raise _error(use_case, "rules", ", ".join(unknown[:3]), "is not an action of the contract", remedy)
    if code.reasons is not None:
        return action.astype(np.int64), _run(use_case, "reasons", code.reasons, _features(use_case, frame))
    wording = np.array([f"the rules chose to {a.wording}" for a in use_case.actions], dtype=object)
    return action.astype(np.int64), wording[action]


def _features(use_case: UseCase, frame: pd.DataFrame) -> pd.DataFrame:
    """The features of the frame, in the contract's order, with rows numbered from 0; the user's code may change it."""
    names = use_case.feature_names
    few = ordinary_frame(frame, names)
    if few is not None:
        return few
    # In a canonical frame they lie side by side: to cut them out is cheaper than to gather them.
    are_together = tuple(frame.columns[1 : 1 + len(names)]) == tuple(names)
    seen = frame.iloc[:, 1 : 1 + len(names)] if are_together else frame[list(names)]
    return (seen if seen.index.equals(pd.RangeIndex(len(seen))) else seen.reset_index(drop=True)).copy()


def _indices(known: Sequence[str], names: np.ndarray) -> np.ndarray:
    """The place of each name (n,) among those that are known; -1 where it is none of them."""
    if len(names) > SAMPLE:
        return pd.Index(known).get_indexer(pd.Index(names))
    places = {name: place for place, name in enumerate(known)}
    return np.array([places.get(one, -1) if isinstance(one, str) else -1 for one in names], dtype=np.int64)


def _run(use_case: UseCase, name: str, function: object, seen: pd.DataFrame) -> np.ndarray:
    """What a user's function says of the rows; it may change ``seen``, which nobody else has."""
    assert callable(function)
    index = seen.index
    try:
        returned = call(function, seen)
    except UserCodeFailed as failed:
        fault = Fault(name, failed.where or "an exception", f"failed: {failed.problem}", "Correct it.", failed.line)
        raise ContractError(f"{RULES_FILE} of {use_case.name}", [fault]) from failed
    if not isinstance(returned, pd.Series) or not returned.index.equals(index):
        remedy = "Return a Series with the index of `features`, e.g. pd.Series(..., index=features.index)."
        raise _error(use_case, name, type(returned).__name__, "is not a Series with one value a row", remedy)
    return returned.to_numpy(dtype=object)


def _error(use_case: UseCase, function: str, value: str, problem: str, remedy: str) -> ContractError:
    return ContractError(f"{RULES_FILE} of {use_case.name}", [Fault(function, value, problem, remedy)])
