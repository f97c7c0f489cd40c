"""For whom an action would have earned more than the rules: `observe.action_for_all`, group by group.

Groups are those that people speak in: of whom the rules give the same reason, and the categories by which the contract
has scores and actions watched (`monitors.slices`), protected attributes left out. Who is in one does not depend on what
came of it, so no group was chosen for its luck; how many there are is what whoever reads them must allow for.
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
from decisionloop.observe.logged_decisions import Flags, LoggedDecisions
from decisionloop.observe.off_policy import difference, one_hot

FOR_SOME = "action_for_some_over_rules"
_GIVEN = "given="
MOST_REASONS = 8
"""Reasons of the rules that are groups: those given most often."""
LEAST = 20
"""Decisions of a group in a cohort, at least: words that the rules give one person alone are nobody's group."""


def slice_of(action: str, group: str) -> str:
    """The slice of an action's figure among those of a group, in words."""
    return f"{_GIVEN}{action}: {group}"


def action_and_group(slice_: str) -> tuple[str, str]:
    """Action and group of `slice_of`."""
    action, _, group = slice_.removeprefix(_GIVEN).partition(": ")
    return action, group


def for_some_figures(
    use_case: UseCase,
    log: pd.DataFrame,
    frame: pd.DataFrame,
    logged: LoggedDecisions,
    rules: Codes,
    reason: np.ndarray | None,
) -> Iterator[Figure]:
    """`FOR_SOME`, `slice_of` action and group: money a decision of the group, all with the action, over the rules.

    Arguments as of `for_all_figures`; ``reason`` (n,) why the rules chose so, in their words, None where nobody knows.
    """
    free, done = is_policy_traffic(log), executed_index(use_case, log)
    allowed, actions = allowed_actions(use_case, frame), len(use_case.actions)
    for group, rows in _groups(use_case, frame, free, reason):
        some, own = logged.subset(rows), rules[rows]
        for action, name in enumerate(use_case.action_names):
            gets = np.where(allowed[rows, action], action, own)
            if (gets != own).any() and (done[rows] == action).any():
                told = difference(some, one_hot(gets, actions), one_hot(own, actions))
                yield Figure(FOR_SOME, told_where_supported(told.money, told.overlap), slice_of(name, group))


def _groups(
    use_case: UseCase, frame: pd.DataFrame, free: Flags, reason: np.ndarray | None
) -> Iterator[tuple[str, Flags]]:
    """The groups in words with their decisions (n,): not one that holds all, nor one of too few."""
    told: list[tuple[str, Flags]] = []
    if reason is not None:
        given = pd.Series(reason[free], dtype="object").value_counts().head(MOST_REASONS).index
        told += [(f"the rules say “{words}”", reason == words) for words in given]
    for feature in use_case.features:
        if feature.name in use_case.monitors.slices:
            for one in feature.categories or ():
                is_one = frame[feature.name].eq(one).fillna(False).to_numpy(dtype=bool)
                told.append((f"{feature.wording} is “{one}”", is_one))
    for group, rows in told:
        mine = rows & free
        if LEAST <= mine.sum() < free.sum():
            yield group, mine
