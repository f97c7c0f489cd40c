"""What the rules choose: the use case's ``rules.py``, run on the canonical frame and checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.code import RULES_FILE, ReasonsFunction, UseCaseCode
from decisionloop.contract.user_code import UserCodeFailed, call, failed_fault
from decisionloop.errors import ContractError, Fault
from decisionloop.predict.few_rows import ordinary_frame
from decisionloop.predict.row_faults import EVERY_FEATURE

SAMPLE = 200
"""Sound rows that tell whether the rules read a feature."""
GAVE_NONE = ", and gave no reason"
"""How the reason of a row ends for which the rules' `reasons` gave none, where that keeps nobody from being decided."""
SHOWN_LETTERS = 60

ReasonsFailed = Callable[[ContractError], None]
"""Is told what `reasons` did wrong, where the rules' action stands without."""


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
    reasons_failed: ReasonsFailed | None = None,
) -> RulesChoice:
    """What the rules choose for n rows; a row whose rule inputs are broken gets the default action.

    ``faults`` (n,) says why each row is faulty, "" where it is not: `range: status; missing: limit`, or that nothing is
    known of it: `unknown: every feature`. A fault in a feature that the rules do not read is none of theirs.
    ``sound_rows``: other rows that tell what they read, for a frame that has none without a fault; of rules that cannot
    decide these nothing is known, and a fault in any feature is theirs. Raises what :func:`apply_rules` raises.
    """
    is_broken = _broken(use_case, code, frame, np.full(len(frame), "") if faults is None else faults, sound_rows)
    if not is_broken.any():
        return RulesChoice(*apply_rules(use_case, code, frame, reasons_failed))
    action, words = np.full(len(frame), use_case.default_action), np.empty(len(frame), dtype=object)
    action[~is_broken], words[~is_broken] = apply_rules(use_case, code, frame[~is_broken], reasons_failed)
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
    if sound.empty and sound_rows is not None and _can_decide(use_case, code, sound_rows):
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
    with_it = _indices(use_case.action_names, _run(use_case, "rules", code.rules, seen[names]))
    try:
        without = _run(use_case, "rules", code.rules, seen[[name for name in names if name not in features]])
    except ContractError:
        return True
    return not np.array_equal(with_it, _indices(use_case.action_names, without))


def _can_decide(use_case: UseCase, code: UseCaseCode, rows: pd.DataFrame) -> bool:
    """Whether the rules choose for rows that are none of the user's; they may decide all of theirs and not these."""
    try:
        _actions(use_case, code, rows)
    except ContractError:
        return False
    return True


def apply_rules(
    use_case: UseCase, code: UseCaseCode, frame: pd.DataFrame, reasons_failed: ReasonsFailed | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The rules' action, index in contract order (n,) int64, and their reason in words (n,) of text.

    The rules see the features alone: neither the entity nor a protected attribute. Without a ``reasons`` function
    the reason is the action's wording. Raises ContractError when the functions fail, return something else than
    one text a row, or name an action that the contract does not know. With ``reasons_failed`` what is wrong with the
    reasons is told to it instead, and the reason of such a row is its action's wording with `GAVE_NONE` behind it.
    """
    action = _actions(use_case, code, frame)
    if code.reasons is None:
        return action, _wordings(use_case, "")[action]
    if reasons_failed is None:
        return action, _reasons(use_case, code.reasons, frame)
    words = _reasons_that_came(use_case, code.reasons, frame, reasons_failed)
    has_none = np.array([one is None for one in words], dtype=bool)
    words[has_none] = _wordings(use_case, GAVE_NONE)[action[has_none]]
    return action, words


def _actions(use_case: UseCase, code: UseCaseCode, frame: pd.DataFrame) -> np.ndarray:
    """The index (n,) int64 of what `rules` chose; raises ContractError where that is no action for every row."""
    names = _run(use_case, "rules", code.rules, _features(use_case, frame))
    action = _indices(use_case.action_names, names)
    unknown = sorted({_shown(name) for name in names[action < 0]})
    if unknown:
        remedy = f"Return one of {', '.join(use_case.action_names)} for every row, missing features included."
        problem = f"is not an action of the contract, in {_of_rows(action < 0)}"
        raise _error(use_case, "rules", ", ".join(unknown[:3]), problem, remedy, "another value")
    return action.astype(np.int64)


def _wordings(use_case: UseCase, end: str) -> np.ndarray:
    return np.array([f"the rules chose to {one.wording}{end}" for one in use_case.actions], dtype=object)


def _reasons(use_case: UseCase, reasons: ReasonsFunction, frame: pd.DataFrame) -> np.ndarray:
    """What `reasons` says (n,) of text; raises ContractError where that is not a text for every row."""
    words = _run(use_case, "reasons", reasons, _features(use_case, frame))
    is_none = ~_are_texts(words)
    if is_none.any():
        raise _no_texts(use_case, words, is_none)
    return words


def _reasons_that_came(
    use_case: UseCase, reasons: ReasonsFunction, frame: pd.DataFrame, failed: ReasonsFailed
) -> np.ndarray:
    """What `reasons` says (n,), None where it is no text; rows on which it fails together it is asked for alone."""
    try:
        words = _run(use_case, "reasons", reasons, _features(use_case, frame)).copy()
    except ContractError as error:
        failed(error)
        if len(frame) == 1:
            return np.array([None], dtype=object)
        alone = [_reasons_that_came(use_case, reasons, frame.iloc[[row]], failed) for row in range(len(frame))]
        return np.concatenate([np.empty(0, dtype=object), *alone])
    is_none = ~_are_texts(words)
    if is_none.any():
        failed(_no_texts(use_case, words, is_none))
        words[is_none] = None
    return words


def _are_texts(words: np.ndarray) -> np.ndarray:
    """Which of them (n,) are text that can be written down: half a character of two (a surrogate) cannot."""
    return np.array([isinstance(one, str) and (one.isascii() or _is_whole(one)) for one in words], dtype=bool)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_texts(use_case: UseCase, words: np.ndarray, is_none: np.ndarray) -> ContractError:
    kinds = sorted({"a broken character" if isinstance(one, str) else type(one).__name__ for one in words[is_none]})
    remedy = 'Return a text for every row, missing features included, e.g. with .fillna("nothing is known of it").'
    return _error(use_case, "reasons", ", ".join(kinds[:3]), f"is not a text, in {_of_rows(is_none)}", remedy)


def _of_rows(is_one: np.ndarray) -> str:
    """`2 of 40 rows, the first of them row 7`, counted from 0 as the index of `features` is."""
    return f"{int(is_one.sum()):,} of {len(is_one):,} rows, the first of them row {int(np.argmax(is_one)):,}"


def _shown(name: object) -> str:
    told = name if isinstance(name, str) else str(name) if pd.api.types.is_scalar(name) else type(name).__name__
    return told if len(told) <= SHOWN_LETTERS else f"{told[:SHOWN_LETTERS]}…"


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
    if len(names) > SAMPLE and all(isinstance(one, str) for one in names):
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
        raise ContractError(f"{RULES_FILE} of {use_case.name}", [failed_fault(name, failed)]) from failed
    if not isinstance(returned, pd.Series) or not returned.index.equals(index):
        remedy = "Return a Series with the index of `features`, e.g. pd.Series(..., index=features.index)."
        raise _error(use_case, name, _kind(returned, index), "is not a Series with one value a row", remedy)
    return returned.to_numpy(dtype=object)


def _kind(returned: object, index: pd.Index) -> str:
    if not isinstance(returned, pd.Series):
        return "None" if returned is None else type(returned).__name__
    if len(returned) != len(index):
        return f"a Series of {len(returned):,} values for {len(index):,} rows"
    return "a Series with another index, or in another order"


def _error(
    use_case: UseCase, function: str, value: str, problem: str, remedy: str, unquoted: str = ""
) -> ContractError:
    """``unquoted``: what is told in the place of a ``value`` that may be a person's."""
    without = Fault(function, unquoted, problem, remedy) if unquoted else None
    return ContractError(
        f"{RULES_FILE} of {use_case.name}", [Fault(function, value, problem, remedy, unquoted=without)]
    )
