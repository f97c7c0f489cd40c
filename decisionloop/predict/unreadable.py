"""Cells that nobody can read, such as `12x` among numbers: what they reach, and how the rows they reach are told.

A source hands its rows over with a further column, `UNREADABLE`, where any has such a cell: the names of the columns,
a line each, "" where there are none. The cell itself is missing then. A row whose own time cannot be read has NaT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.errors import ContractError

UNREADABLE = "unreadable cells"  # no column of a contract can have a name with spaces
WORD = "unreadable"
"""With which word the reason of such a row begins."""

_SPREAD = 15
"""With so many values of a column it is found which features depend on a cell of it."""

Build = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Makes the canonical frame of entities (second) from rows known about them (first)."""


def with_unreadable(rows: pd.DataFrame, is_bad: Mapping[str, npt.NDArray[np.bool_]]) -> pd.DataFrame:
    """The rows (n) with the column that says which cells cannot be read, by name (n,); as they are where all can."""
    if not is_bad and UNREADABLE not in rows:
        return rows
    # Of several files only some may have had any.
    before = rows[UNREADABLE].fillna("") if UNREADABLE in rows else pd.Series("", index=rows.index)
    told = before.to_numpy(dtype=object)
    for name, bad in is_bad.items():
        told = np.where(bad, told + f"{name}\n", told)
    if (told != "").any():
        return rows.assign(**{UNREADABLE: told})
    return rows.drop(columns=UNREADABLE, errors="ignore")


def is_unreadable(rows: pd.DataFrame, name: str) -> npt.NDArray[np.bool_]:
    """Which of the rows (n,) have a cell of the column ``name`` that cannot be read."""
    if UNREADABLE not in rows:
        return np.zeros(len(rows), dtype=bool)
    return np.array([name in str(told).split("\n") for told in rows[UNREADABLE]], dtype=bool)


def without(rows: pd.DataFrame, names: frozenset[str]) -> pd.DataFrame:
    """The rows without those columns, and without saying of them that they cannot be read."""
    rows = rows.drop(columns=[name for name in rows.columns if name in names])
    if UNREADABLE not in rows:
        return rows
    kept = ["".join(f"{one}\n" for one in text.split("\n") if one and one not in names) for text in rows[UNREADABLE]]
    return rows.assign(**{UNREADABLE: kept})


def readable(known: pd.DataFrame, time_column: str) -> pd.DataFrame:
    """The rows as features may see them: those whose time is known, without the column that tells of cells."""
    if UNREADABLE not in known:
        return known
    return known[known[time_column].notna()].drop(columns=UNREADABLE)


def features_reached(
    build: Build, known: pd.DataFrame, key: str, as_of: pd.Timestamp, time_column: str
) -> dict[str, set[str]]:
    """Which features of which entity depend on a cell that cannot be read; entities of which none does are left out.

    What the code of the features does with a cell is found by trying: it is computed with values that the column has
    elsewhere, from the smallest to the largest, and a feature that changes depends on it. A row without a time counts
    once as the newest and once as the oldest. Code that fails on a trial reaches every feature.
    """
    if UNREADABLE not in known:
        return {}
    ids = known[key].astype("str")
    own = known[ids.isin(set(ids[known[UNREADABLE].to_numpy() != ""]))].reset_index(drop=True)
    if own.empty:
        return {}
    people = pd.DataFrame({key: own[key].astype("str").drop_duplicates().sort_values(kind="stable", ignore_index=True)})
    as_it_is = build(own, people).set_index(key)
    reached: dict[str, set[str]] = {}
    for is_in, trial in _trials(own, known, as_of, time_column):
        touched = set(own[key].astype("str")[is_in])
        try:
            tried = build(trial, people).set_index(key)
        except ContractError:
            is_other = pd.DataFrame(True, index=as_it_is.index, columns=as_it_is.columns)
        else:
            is_other = (tried != as_it_is) & ~(tried.isna() & as_it_is.isna())
        for entity in touched:
            reached.setdefault(entity, set()).update(is_other.columns[is_other.loc[entity].to_numpy(dtype=bool)])
    return {entity: names for entity, names in reached.items() if names}


def _trials(
    own: pd.DataFrame, known: pd.DataFrame, as_of: pd.Timestamp, time_column: str
) -> Iterator[tuple[npt.NDArray[np.bool_], pd.DataFrame]]:
    """The rows with other values in place of what cannot be read, and which rows those are.

    A column at a time, and all at once: what needs two cells does not change with one of them.
    """
    flagged = [str(one).split("\n") for one in own[UNREADABLE]]
    tried: list[tuple[str, npt.NDArray[np.bool_], tuple[object, ...]]] = []
    for name in dict.fromkeys(one for names in flagged for one in names if one):
        is_in = np.array([name in names for names in flagged], dtype=bool)
        if name == time_column:
            oldest = known[time_column].min()
            tried.append((name, is_in, (as_of, as_of if pd.isna(oldest) else oldest)))
        elif name in own:
            tried.append((name, is_in, _spread(known[name])))
    for name, is_in, values in tried:
        for value in values:
            yield is_in, own.assign(**{name: own[name].where(~is_in, value)})
    is_any = np.array([any(names) for names in flagged], dtype=bool)
    most = max((len(values) for _, _, values in tried), default=0) if len(tried) > 1 else 0
    for place in range(2 * most):
        trial = own
        for at, (name, is_in, values) in enumerate(tried):
            ordered = values[::-1] if place >= most and at % 2 else values
            trial = trial.assign(**{name: trial[name].where(~is_in, ordered[place % len(ordered)])})
        yield is_any, trial


def _spread(values: pd.Series) -> tuple[object, ...]:
    """Values of a column from the smallest to the largest: a feature may look at none but those between."""
    ends = _extremes(values)
    if values.dtype == object or not pd.api.types.is_numeric_dtype(values.dtype) or values.dropna().empty:
        return ends
    known = np.unique(values.dropna().to_numpy(dtype=np.float64))
    known = known[np.isfinite(known)]
    if len(known) < 3:
        return ends
    return tuple(known[np.linspace(0, len(known) - 1, min(_SPREAD, len(known))).astype(np.intp)].tolist())


def _extremes(values: pd.Series) -> tuple[object, ...]:
    """The smallest and largest of what is known of a column; both truths where it holds those."""
    there = values.dropna()
    if there.empty:
        return (0.0, 1.0)
    if values.dtype == object or pd.api.types.is_bool_dtype(values.dtype):
        return (False, True) if set(there) <= {False, True} else tuple(there.iloc[[0, -1]])
    low, high = there.min(), there.max()
    return (
        (low, high) if low != high else (low, low + type(low)(1)) if pd.api.types.is_numeric_dtype(values) else (low,)
    )
