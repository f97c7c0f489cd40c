"""What must be in a table, whichever store it is in, and how one asks for its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from decisionloop.contract.problem import FeatureType
from decisionloop.sources.cells import inferred, is_text, numbers, truths
from decisionloop.sources.columns import entity_ids, require_columns, require_unique, utc_times, without_copies


@dataclass(frozen=True)
class Layout:
    """What must be in a table: ``entity`` and ``time`` columns, others by name; and what its keys obey.

    ``text``: further columns that are ids or names, never numbers. ``types``: what the contract says of columns that
    may be there. ``is_time_required``: False drops rows without a time, as not known yet. ``is_unique``: one row for
    each entity and time, in however many copies.
    """

    entity: str
    time: str
    columns: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    types: Mapping[str, FeatureType] = field(default_factory=dict)
    is_time_required: bool = True
    is_unique: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that must be there."""
        return (self.entity, self.time, *self.columns, *self.text)

    def applied(self, frame: pd.DataFrame, where: str) -> pd.DataFrame:
        """``frame`` with ids as text, times in UTC and text by its type; raises SourceError for what does not fit."""
        require_columns(frame, self.names, where)
        times = utc_times(frame[self.time], where, self.is_time_required)
        frame = frame.assign(**{self.time: times})[times.notna()]
        frame = frame.assign(**{self.entity: entity_ids(frame[self.entity], where)})
        frame = frame.assign(**self._numbers(frame, where))
        if self.is_unique:
            frame = without_copies(frame, [self.entity, self.time])
            require_unique(frame, [self.entity, self.time], where)
        return frame.reset_index(drop=True)

    def inferred(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of nothing but text, in which what nobody has declared is a number where it looks like one."""
        declared = {*self.names, *self.types}
        return frame.assign(**{str(name): inferred(frame[name]) for name in frame.columns if name not in declared})

    def _numbers(self, frame: pd.DataFrame, where: str) -> dict[str, pd.Series]:
        """Declared numbers and truth values that a store holds as text."""
        held = {name: type_ for name, type_ in self.types.items() if name in frame.columns and is_text(frame[name])}
        texts = {name: frame[name].astype("str").where(frame[name].notna()) for name in held}
        readers = {"number": numbers, "integer": numbers, "boolean": truths}
        return {name: readers[type_](texts[name], where) for name, type_ in held.items() if type_ in readers}


class Rows(Protocol):
    """One table as its layout says."""

    @property
    def where(self) -> str:
        """The table, for messages."""

    @property
    def layout(self) -> Layout:
        """What must be in it."""

    def between(
        self, after: pd.Timestamp | None, until: pd.Timestamp | None, entities: pd.Series | None = None
    ) -> pd.DataFrame:
        """Rows with ``after`` < time <= ``until`` (None: no bound), of ``entities`` (None: of everyone)."""

    def newest(self, until: pd.Timestamp) -> pd.Timestamp | None:
        """Largest time at or before ``until``."""
