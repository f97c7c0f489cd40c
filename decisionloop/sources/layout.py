"""What must be in a table, whichever store it is in, and how one asks for its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.contract.problem import FeatureType
from decisionloop.predict.unreadable import UNREADABLE, with_unreadable
from decisionloop.sources.cells import Cells, are_too_many, inferred, inferred_but_few, is_text, numbers, truths
from decisionloop.sources.columns import (
    entity_ids,
    require_columns,
    require_unique,
    times_of,
    times_told,
    utc_times,
    without_copies,
)


@dataclass(frozen=True)
class Layout:
    """What must be in a table: ``entity`` and ``time`` columns, others by name; and what its keys obey.

    ``text``: further columns that are ids or names, never numbers. ``types``: what the contract says of columns that
    may be there. ``is_time_required``: False drops rows without a time, as not known yet. ``is_unique``: one row for
    each entity and time, in however many copies. ``is_only_named``: no other columns are asked for.

    ``unreadable_share``: up to this share of a column's cells may be such as nobody can read. They are missing, and
    `predict.unreadable.UNREADABLE` tells of them; a row whose time is one of them has none. 0: not a single one may.
    Where times are not required any number of rows may have a bad one, or no entity, but not all of several.
    """

    entity: str
    time: str
    columns: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    types: Mapping[str, FeatureType] = field(default_factory=dict)
    is_time_required: bool = True
    is_unique: bool = True
    is_only_named: bool = False
    unreadable_share: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that must be there."""
        return (self.entity, self.time, *self.columns, *self.text)

    def applied(self, frame: pd.DataFrame, where: str, is_part: bool = False) -> pd.DataFrame:
        """``frame`` with ids as text, times in UTC and text by its type; raises SourceError for what does not fit.

        ``is_part``: it holds those alone who were looked up, of whom nobody can tell whether a column is broken.
        """
        require_columns(frame, self.names, where)
        frame = self._timed(frame, where, is_part)
        is_any_missing = bool(self.unreadable_share) and not self.is_time_required
        frame = frame.assign(**{self.entity: entity_ids(frame[self.entity], where, is_any_missing)})
        frame = self._mended(frame)
        read = self._numbers(frame, where, is_part)
        frame = frame.assign(**{name: cells.values for name, cells in read.items()})
        frame = with_unreadable(frame, {name: cells.is_bad for name, cells in read.items() if cells.is_bad.any()})
        if self.is_unique:
            frame = without_copies(frame, [self.entity, self.time])
            require_unique(frame, [self.entity, self.time], where)
        return frame.reset_index(drop=True)

    def inferred(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of nothing but text, in which what nobody has declared is a number where it looks like one.

        Where cells may be unreadable, a column of numbers with a few slips of the pen is one of numbers too.
        """
        declared = {*self.names, *self.types}
        read = {str(name): inferred(frame[name]) for name in frame.columns if name not in declared}
        texts = [name for name, values in read.items() if is_text(values)] if self.unreadable_share else []
        return _with_few(frame.assign(**read), {name: inferred_but_few(frame[name]) for name in texts})

    def _timed(self, frame: pd.DataFrame, where: str, is_part: bool) -> pd.DataFrame:
        """The rows with their times; those without one are dropped where that says nothing, else told of."""
        written = frame[self.time]
        if not self.unreadable_share:
            times = utc_times(written, where, self.is_time_required)
            return frame.assign(**{self.time: times})[times.notna()]
        if self.is_time_required:
            times, is_bad = times_of(written, where)
            is_all = bool(is_bad.any() and is_bad.all()) and not is_part  # nobody would be decided at all
            if is_all or are_too_many(int(is_bad.sum()), len(frame), self.unreadable_share, is_part):
                utc_times(written, where)  # raises, with the first of them
        else:
            times, is_bad = times_told(written, where)
        is_kept = times.notna() | is_bad
        bad: npt.NDArray[np.bool_] = is_bad[is_kept].to_numpy()
        frame = frame.assign(**{self.time: times})[is_kept]
        return with_unreadable(frame, {self.time: bad} if bad.any() else {})

    def _numbers(self, frame: pd.DataFrame, where: str, is_part: bool) -> dict[str, Cells]:
        """Declared numbers and truth values that a store holds as text; and others that are nearly all numbers."""
        held = {name: type_ for name, type_ in self.types.items() if name in frame.columns and is_text(frame[name])}
        readers = {"number": numbers, "integer": numbers, "boolean": truths}
        found: dict[str, Cells] = {}
        for name, type_ in held.items():
            if type_ in readers:
                text = _as_text(frame[name])
                found[name] = readers[type_](text)
                found[name].require_few(text, where, self.unreadable_share, is_part)
        return found

    def _mended(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns that hold numbers and text, as SQLite lets them, as numbers where nearly every cell is one."""
        declared = {*self.names, *self.types, UNREADABLE}
        mixed = [
            name
            for name in (frame.columns if self.unreadable_share else ())
            if name not in declared
            and frame[name].dtype == object
            and pd.api.types.infer_dtype(frame[name], skipna=True).startswith("mixed")
        ]
        return _with_few(frame, {name: inferred_but_few(_as_text(frame[name])) for name in mixed})


def _with_few(frame: pd.DataFrame, found: Mapping[str, Cells | None]) -> pd.DataFrame:
    cells = {name: one for name, one in found.items() if one is not None}
    frame = frame.assign(**{name: one.values for name, one in cells.items()})
    return with_unreadable(frame, {name: one.is_bad for name, one in cells.items()})


def _as_text(values: pd.Series) -> pd.Series:
    return values.astype("str").where(values.notna())


class Rows(Protocol):
    """One table as its layout says."""

    @property
    def where(self) -> str:
        """The table, for messages."""

    @property
    def layout(self) -> Layout:
        """What must be in it."""

    @property
    def undated(self) -> int:
        """How many rows had a time that nobody can read, when they were read last."""

    def between(
        self, after: pd.Timestamp | None, until: pd.Timestamp | None, entities: pd.Series | None = None
    ) -> pd.DataFrame:
        """Rows with ``after`` < time <= ``until`` (None: no bound), of ``entities`` (None: of everyone).

        Without ``after`` those as well whose time cannot be read, where the layout lets any through.
        """

    def entities_between(self, after: pd.Timestamp, until: pd.Timestamp) -> pd.Series:
        """Of whom the rows with ``after`` < time <= ``until`` are."""

    def times(self) -> pd.Series:
        """The time of every row."""

    def newest(self, until: pd.Timestamp) -> pd.Timestamp | None:
        """Largest time at or before ``until``."""
