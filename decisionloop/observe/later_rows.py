"""Of several rows of an entity that one batch decides, the latest is decided by: its outcome is the decision's."""

from __future__ import annotations

import numpy as np
import pandas as pd

LATE_SINCE = "late_since"
"""A further column of decisions: since when those have been due whom its batch decided late; NaT where nobody was."""


def are_of_earlier_rows(decision: np.ndarray, outcomes: pd.DataFrame, is_open: np.ndarray) -> np.ndarray:
    """Which ``outcomes`` (n rows) tell an earlier ``decision_time`` than another one of the same ``decision`` (n,).

    Of those that are open (n,) only what was found by its time is compared, and not by a ``decision_id``.
    """
    rows = np.flatnonzero(is_open & outcomes["decision_id"].isna().to_numpy())
    times = pd.Series(outcomes["decision_time"].to_numpy()[rows])
    is_earlier = np.zeros(len(decision), dtype=bool)
    is_earlier[rows] = (times < times.groupby(decision[rows]).transform("max")).to_numpy()
    return is_earlier


def are_of_later_rows(entity: pd.Series, decision_time: np.ndarray, is_new: np.ndarray) -> np.ndarray:
    """Which outcomes (n,) are of a row after that of a new one of their ``entity``, bool.

    By them one tells whether the new one is of the row that was decided by.
    """
    if np.isnat(decision_time[is_new]).all():
        return np.zeros(len(entity), dtype=bool)
    first = pd.Series(decision_time[is_new]).groupby(entity[is_new].to_numpy()).min()
    return decision_time > entity.map(first).to_numpy(dtype="datetime64[us]")
