"""The decisions of a log by what was executed of them: whose money and whose outcome theirs is.

`action` stays what was chosen, because that was drawn with the logged propensity; `executed_action` is there where
anybody did otherwise. Who did so may have known what the loop does not, so nobody knows with which chance that happened
(docs/adr/0032-an-override-is-no-draw.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract import UseCase

EXECUTED = "executed_action"


def as_executed(use_case: UseCase, log: pd.DataFrame) -> pd.DataFrame:
    """The decisions of ``log`` (n rows) with what was executed of each, and with the outcomes that this can have.

    Nobody said anything: it was what was chosen. An outcome that was told of a decision, of which it became known later
    that the action executed reveals none, is nobody's. Without any override the log is as it was, without the column.
    """
    if EXECUTED not in log:
        return log
    executed = log[EXECUTED].astype("object").where(log[EXECUTED].notna(), log["action"])
    is_other = (executed != log["action"]).to_numpy(dtype=bool)
    if not is_other.any():
        return log.drop(columns=EXECUTED)
    silent = [action.name for action in use_case.actions if not action.reveals_outcome]
    is_silent = is_other & executed.isin(silent).to_numpy()
    outcomes = {name: log[name].mask(is_silent) for name in ("outcome_class", "outcome_amount")}
    return log.assign(**{EXECUTED: executed.astype("str")}, **outcomes)


def as_named(use_case: UseCase, log: pd.DataFrame) -> pd.DataFrame:
    """The decisions of a cohort with what the contract that they were taken under can say of what was executed.

    An action that a later contract names is none of theirs: it counts as though nobody had said anything.
    """
    if EXECUTED not in log:
        return log
    return log.assign(**{EXECUTED: log[EXECUTED].where(log[EXECUTED].isin(use_case.action_names))})


def executed(log: pd.DataFrame) -> pd.Series:
    """What was executed of each decision (n,), by name."""
    return log[EXECUTED if EXECUTED in log else "action"]


def executed_index(use_case: UseCase, log: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The same as indices in contract order (n,); -1 for an action that the contract does not name."""
    return np.asarray(pd.Index(use_case.action_names).get_indexer(pd.Index(executed(log))), dtype=np.int64)


def is_overridden(log: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """True (n,) where another action was executed than was chosen."""
    if EXECUTED not in log:
        return np.zeros(len(log), dtype=bool)
    return (log[EXECUTED] != log["action"]).to_numpy(dtype=bool)


def may_be_overridden(use_case: UseCase, log: pd.DataFrame) -> bool:
    """Whether a choice may have ended in another action: the contract says so, or somebody did."""
    return use_case.outcome.executed is not None or bool(is_overridden(log).any())
