"""Which rows of a table a use case can be drafted from: those with a time of our age, and somebody once at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.draft.profiles import Column
from decisionloop.draft.roles import EACH_ROW, FILE_ORDER, Roles
from decisionloop.sources.cells import are_nearly_all

_FAR = 5
"""Years, and spans of nearly all times, from which on a time is of another age: programs write 0001-01-01, 1900-01-01
or 9999-12-31 where they know none."""


def rows_kept(columns: Mapping[str, Column], roles: Roles) -> tuple[npt.NDArray[np.bool_], tuple[str, ...]]:
    """Which of n rows stay (n,), and in words why the others do not; few go, for many are no slips of the pen."""
    n = len(next(iter(columns.values())).text)
    kept, told = np.ones(n, dtype=bool), []
    if roles.time != FILE_ORDER:
        times = columns[roles.time].times
        for is_bad, why in (
            (times.isna().to_numpy(), f"{roles.time} says no time"),
            (_is_far(times), f"{roles.time} is of another age"),
        ):
            if is_bad.any() and are_nearly_all(pd.Series(~is_bad)):
                first = int(is_bad.argmax())
                shown = columns[roles.time].text.iloc[first]
                said = "nothing" if pd.isna(shown) else repr(shown)
                told.append(f"{_rows(int(is_bad.sum()))}: {why}, the first in row {first + 1} ({said})")
                kept &= ~is_bad
    for name in (one for one in (roles.action, roles.propensity) if one in columns and not roles.is_observed):
        column = columns[name]
        is_bad = (column.text.isna() if column.numbers is None else column.numbers.isna()).to_numpy()
        if is_bad.any() and are_nearly_all(pd.Series(~is_bad)):
            told.append(f"{_rows(int(is_bad.sum()))}: {name} says nothing, the first in row {int(is_bad.argmax()) + 1}")
            kept &= ~is_bad
    if roles.entity != EACH_ROW:
        kept, repeats = _without_repeats(columns, roles, kept)
        told += repeats
    return kept, tuple(told)


def _is_far(times: pd.Series) -> npt.NDArray[np.bool_]:
    """Which times (n,) are many years from nearly all others."""
    known = times.dropna()
    if known.empty:
        return np.zeros(len(times), dtype=bool)
    years = times.dt.year.to_numpy(dtype=np.float64, na_value=np.nan)
    first, last = np.nanquantile(years, [0.02, 0.98])
    room = _FAR * max(1.0, last - first)
    return (years < first - room) | (years > last + room)


def _without_repeats(
    columns: Mapping[str, Column], roles: Roles, kept: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Without copies of rows, and of several about somebody at a time the last alone."""
    rows = pd.DataFrame({name: one.text for name, one in columns.items()})[kept]
    when = [] if roles.time == FILE_ORDER else [roles.time]
    key = [roles.entity, *when]
    if not when or not rows.duplicated(key).any():
        return kept, []
    is_copy = rows.duplicated().to_numpy()
    is_older = _are_older(rows[~is_copy], key, roles)
    told = [f"{_rows(int(is_copy.sum()))}: copies of other rows"] if is_copy.any() else []
    if is_older.any():
        first = int(is_older.index[int(is_older.to_numpy().argmax())])
        told.append(
            f"{_rows(int(is_older.sum()))}: another row is about the same {roles.entity} at the same time, and the "
            f"last counts; the first is about {rows[roles.entity].to_dict()[first]} in row {first + 1}"
        )
    parts = int(rows[~is_copy][~is_older].duplicated(key).sum())
    if parts:
        told.append(
            f"{parts:,} further rows are about the same {roles.entity} at the same time with other outcomes: they are "
            f"taken for parts of one {roles.amount} (outcome.amount.rows: sum)"
        )
    dropped = rows.index[is_copy].union(is_older.index[is_older])
    return kept & ~np.isin(np.arange(len(kept)), dropped), told


def _are_older(rows: pd.DataFrame, key: list[str], roles: Roles) -> pd.Series:
    """Which rows (n) are not the last about somebody at a time.

    Of live tables those that differ from it in nothing that was known then stay: they are parts of its amount.
    """
    if not (roles.is_live and roles.amount and roles.outcome_time):
        return rows.duplicated(key, keep="last")
    about = rows.groupby([*key, *roles.features, *roles.protected], dropna=False, sort=False).ngroup()
    last = about.groupby([rows[name] for name in key], dropna=False).transform("last")
    return about != last


def _rows(count: int) -> str:
    return f"left out {count:,} row{'' if count == 1 else 's'}"
