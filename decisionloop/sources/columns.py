"""Columns as a source must hand them over: ids as text, times in UTC, outcomes as numbers; or an error saying why."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.contract.problem import Outcome
from decisionloop.errors import SourceError
from decisionloop.predict.text import as_text, has_nul
from decisionloop.predict.unreadable import UNREADABLE
from decisionloop.sources.base import EXECUTED_COLUMNS
from decisionloop.sources.cells import MISSING, is_text, without_missing
from decisionloop.sources.zones import times_of_zones

FIRST_TIME, END_OF_TIMES = (pd.Timestamp(day, tz="UTC").as_unit("us") for day in ("0002-01-01", "9999-12-31T23:59:59"))
"""What Python holds as a time, wherever a clock is; a year before or after is a slip of the pen."""
_TRUTH = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def require_columns(frame: pd.DataFrame, columns: Iterable[str], where: str) -> None:
    """Raise SourceError unless ``frame`` has all ``columns``; ``where`` names the table."""
    missing = [name for name in dict.fromkeys(columns) if name not in frame.columns]
    if missing:
        there = ", ".join(str(name) for name in frame.columns)
        raise SourceError(
            f"{where} has no column {', '.join(missing)} (it has: {there}). "
            "Name the right column in the contract, or add it to the table."
        )


def entity_ids(values: pd.Series, where: str, is_any_missing: bool = False) -> pd.Series:
    """Ids as text; raises SourceError where one is missing, or with ``is_any_missing`` where all of several are.

    So it does where one holds what no ledger can keep.
    """
    text = as_text(values)
    if text.isna().any() and not (is_any_missing and (text.notna().any() or len(text) < 2)):
        raise SourceError(
            f"{where}: column {values.name} has {int(text.isna().sum())} rows without an entity id, the first in "
            f"{_row(text.isna())}. Give each row its entity, or remove the row."
        )
    if has_nul(pa.array(text)):
        row = _row(text.str.contains("\0", regex=False).fillna(False))
        raise SourceError(
            f"{where}: column {values.name} holds a NUL character in {row}, which no ledger can keep. Remove it."
        )
    return text


def utc_times(values: pd.Series, where: str, is_required: bool = True) -> pd.Series:
    """Times as datetime64[us, UTC]; a time without a zone is UTC. NaT only if not ``is_required``.

    Reads datetimes, dates and ISO 8601 text, its zone also by letters (CET). Raises SourceError for anything else.
    """
    times, is_bad = times_of(values, where, is_required)
    if is_bad.any():
        shown = values[is_bad].iloc[0]
        is_nothing = pd.isna(shown) or (isinstance(shown, str) and shown.strip() in MISSING)
        said = "nothing" if is_nothing else repr(shown)
        raise SourceError(
            f"{where}: column {values.name} holds {said} in {_row(is_bad)}, which is not a time ({int(is_bad.sum())} "
            "such rows). Write times as ISO 8601, e.g. 2005-07-08 or 2005-07-08T06:00:00Z."
        )
    return times


def times_of(values: pd.Series, where: str, is_required: bool = True) -> tuple[pd.Series, pd.Series]:
    """Times as `utc_times` tells them, NaT where a cell is none, and which are none and should be (bool).

    A time that Python cannot hold is none. Raises SourceError for a column of numbers.
    """
    if pd.api.types.is_numeric_dtype(values.dtype) and not values.isna().all():
        raise SourceError(
            f"{where}: column {values.name} holds numbers such as {values.dropna().iloc[0]}, not times. "
            "Write times as ISO 8601 text (2005-07-08T06:00:00Z) or as datetimes."
        )
    holds_text = isinstance(values.dtype, pd.StringDtype)
    values = values.where(~values.str.strip().isin(MISSING)) if holds_text else values
    times: pd.Series = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601" if holds_text else None)
    is_unread = times.isna() & values.notna()
    if holds_text and is_unread.any():
        times = times.fillna(times_of_zones(values[is_unread]).reindex(times.index))
    times = times.dt.as_unit("us")
    times = times.where((times >= FIRST_TIME) & (times < END_OF_TIMES))
    is_bad = times.isna() & (values.notna() | is_required)
    return times, is_bad


def times_told(values: pd.Series, where: str) -> tuple[pd.Series, pd.Series]:
    """Times, NaT where a cell tells none, and which cells tell one that nobody can read (bool).

    Raises SourceError where of several not one can be read.
    """
    times, is_bad = times_of(values, where, is_required=False)
    if is_bad.sum() > 1 and times.isna().all():
        utc_times(values, where, is_required=False)  # raises, with the first of them
    return times, is_bad


def outcome_numbers(values: pd.Series, where: str, are_some_bad: bool = False) -> pd.Series:
    """Outcomes as float64, missing stays missing; true/yes are 1 and false/no are 0. Raises SourceError for text.

    ``are_some_bad``: what is no outcome is infinite, which the intake refuses by row, unless of several none is one.
    """
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    if is_text(values):
        values = without_missing(values)
        numbers = numbers.fillna(values.astype("str").str.strip().str.lower().map(_TRUTH).astype("float64"))
    is_bad = numbers.isna() & values.notna()
    if are_some_bad and (numbers.notna().any() or is_bad.sum() < 2):
        return numbers.mask(is_bad, np.inf)
    if is_bad.any():
        raise SourceError(
            f"{where}: column {values.name} holds {values[is_bad].iloc[0]!r} in {_row(is_bad)}, which is not an "
            "outcome. Write 1 and 0 for a class, a number for an amount, nothing where it is not known yet."
        )
    return numbers


def executed_in(outcome: Outcome, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """What ``rows`` say of executed actions: the columns of ``EXECUTED_COLUMNS``; {} where the contract names none.

    Text without the spaces around it; missing where there is nothing else.
    """
    executed = outcome.executed
    if executed is None or not executed.action:
        return {}
    nobody = pd.Series(None, index=rows.index, dtype="str")
    named = zip(EXECUTED_COLUMNS, (executed.action, executed.by, executed.reason), strict=True)
    told = {name: as_text(rows[column]).str.strip() if column else nobody for name, column in named}
    return {name: values.where(~values.isin(MISSING)).astype("str") for name, values in told.items()}


def without_copies(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """``frame`` with each row once: a file that was delivered twice tells nothing new, and nothing that contradicts.

    Rows are looked at whole only where two have the same values in ``columns``.
    """
    return frame[~frame.duplicated()] if frame.duplicated(columns).any() else frame


def are_copies(rows: pd.DataFrame) -> pd.Series:
    """Which rows (n) say in every column what one before them says, bool."""
    return rows.drop(columns=UNREADABLE, errors="ignore").duplicated()


def require_unique(frame: pd.DataFrame, columns: list[str], where: str) -> None:
    """Raise SourceError when two rows have the same values in ``columns``, which copies should no longer have."""
    is_repeated = frame.duplicated(columns)
    if is_repeated.any():
        first = ", ".join(f"{name} {frame.loc[is_repeated, name].iloc[0]}" for name in columns)
        raise SourceError(
            f"{where}: {int(is_repeated.sum())} rows repeat an entity and time of another row and say otherwise, the "
            f"first with {first}. Keep one row for each entity and time."
        )


def _row(is_bad: pd.Series) -> str:
    return f"row {int(np.argmax(is_bad.to_numpy())) + 1}"
