"""When the outcome of a decision falls due, and what no outcome says once it is.

Everything that counts outcomes asks here: a decision is mature when its own outcome is due, and where the contract says
`outcome.absent_means: 0` one that is due and has none counts as 0.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.expressions import Expression
from decisionloop.observe.executed_actions import executed
from decisionloop.observe.matching import utc_microseconds

DUE_AT = "due_at"
ABSENT = "absent"
"""The kind of an outcome that nobody reported and that is 0 by the contract."""
MICROSECONDS_A_DAY = 86_400_000_000


def due_columns(use_case: UseCase) -> tuple[str, ...]:
    """The features that say when an outcome falls due; () where one maturity holds for all."""
    if not use_case.outcome.due:
        return ()
    names = Expression(use_case.outcome.due).names
    return tuple(name for name in use_case.feature_names if name in names)


def due_days(use_case: UseCase, frame: pd.DataFrame) -> np.ndarray:
    """After how many days the outcome of each row of ``frame`` falls due, float64 (n,), in [0, maturity_days].

    ``outcome.due`` on the frozen features; maturity_days without it, and where a feature that it reads is missing.
    """
    latest = use_case.outcome.maturity_days
    if not use_case.outcome.due:
        return np.full(len(frame), latest)
    texts = {feature.name for feature in use_case.features if feature.type == "category"}
    values: dict[str, np.ndarray | float] = dict(use_case.economics.constants)
    for name in due_columns(use_case):
        column = frame[name] if name in frame else pd.Series(np.nan, index=frame.index)
        is_text = name in texts
        values[name] = column.to_numpy(dtype=object) if is_text else column.to_numpy(np.float64, na_value=np.nan)
    told = Expression(use_case.outcome.due).evaluate(values, len(frame))
    return np.where(np.isfinite(told), np.clip(told, 0.0, latest), latest)


def with_due_at(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The decisions of ``log`` (n rows with as_of) with ``due_at`` (UTC), from their frozen features ``frame``."""
    after = np.round(due_days(use_case, frame) * MICROSECONDS_A_DAY).astype("timedelta64[us]")
    due_at = pd.Series(utc_microseconds(log["as_of"]) + after, index=log.index).dt.tz_localize("UTC")
    return log.assign(**{DUE_AT: due_at})


def due_share(use_case: UseCase, log: pd.DataFrame) -> np.ndarray:
    """How late the outcome of each decision of ``log`` falls due, as a share of maturity_days, float64 (n,), in [0, 1].

    (due_at - as_of) / maturity_days: at the age at which a whole cohort is mature, a missing outcome with a share of
    0.25 has been due for three quarters of it, one with a share of 1 has just fallen due. 1 without ``due_at``, where
    one maturity holds for all.
    """
    if DUE_AT not in log or not use_case.outcome.maturity_days:
        return np.ones(len(log))
    after = utc_microseconds(log[DUE_AT]) - utc_microseconds(log["as_of"])
    days = after.astype("timedelta64[us]").astype(np.float64) / MICROSECONDS_A_DAY
    return np.asarray(np.clip(days / use_case.outcome.maturity_days, 0.0, 1.0))


def with_absent_outcomes(use_case: UseCase, log: pd.DataFrame, known_at: datetime | None) -> pd.DataFrame:
    """The decisions of ``log`` with what the absence of an outcome says at ``known_at``.

    ``log``: action, due_at, outcome_class, outcome_amount, outcome_revision, outcome_kind. Where absent means 0, a
    decision of a revealing action that is due and has no outcome gets class 0 and amount 0 (as far as the contract has
    them) and kind "absent". It has no revision and no ``observed_at``: nothing was seen, and what is seen later revises
    it.
    """
    outcome = use_case.outcome
    if not outcome.means_zero_when_absent or known_at is None:
        return log
    revealing = [action.name for action in use_case.actions if action.reveals_outcome]
    is_due = utc_microseconds(log[DUE_AT]) <= utc_microseconds(pd.Series([known_at]))[0]
    is_absent = is_due & log["outcome_revision"].isna().to_numpy() & executed(log).isin(revealing).to_numpy()
    parts = {"outcome_class": outcome.class_, "outcome_amount": outcome.amount}
    zeros = {name: log[name].astype("float64").mask(is_absent, 0.0) for name, part in parts.items() if part}
    return log.assign(**zeros, outcome_kind=log["outcome_kind"].astype("object").mask(is_absent, ABSENT))
