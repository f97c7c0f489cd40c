"""What was known and who was due: the part that live tables and replays have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from decisionloop.contract.cron import due_times
from decisionloop.contract.operation import Schedule
from decisionloop.predict.text import as_text
from decisionloop.predict.unreadable import without
from decisionloop.sources.layout import Rows

_PAUSE = pd.Timedelta(days=366)
_NEVER = pd.Timestamp("9000-01-01", tz="UTC").as_unit("us")
"""9999-12-31 says that there is no date."""


@dataclass
class History:
    """Rows known about entities, and when each entity is due; ``hidden`` columns are never handed over."""

    key: str
    rows: Rows
    due_rows: Rows
    hidden: frozenset[str] = frozenset()

    def due(self, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """Entities that fell due in (as_of - covers_days, as_of], each once, sorted."""
        found = self.due_rows.entities_between(as_of - pd.Timedelta(days=covers_days), as_of)
        ids = found.drop_duplicates().sort_values(kind="stable", ignore_index=True)
        return pd.DataFrame({self.key: ids.astype("str")})

    def known(self, entities: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        """Rows of ``entities`` known at ``as_of``, sorted by entity and time."""
        rows = self.rows.between(None, as_of, as_text(entities[self.key]))
        rows = without(rows, self.hidden)
        rows = rows.rename(columns={self.rows.layout.entity: self.key})
        return rows.sort_values([self.key, self.rows.layout.time], kind="stable", ignore_index=True)

    def calendar(self, schedule: Schedule) -> tuple[pd.Timestamp, ...]:
        """The due times of ``schedule`` from the first recorded case to the last, leaving out those with nobody.

        Every case is decided where ``covers_days`` reaches from one due time back to the one before it; of several
        of an entity in one window, the latest.
        """
        cases, covers = self.due_times(), pd.Timedelta(days=schedule.covers_days)
        first, moments = 0, list[datetime]()
        while first < len(cases):  # a stretch without pauses at a time: a pause may last for centuries
            breaks = np.flatnonzero(np.diff(cases[first:]) > covers + _PAUSE)
            last = first + int(breaks[0]) if len(breaks) else len(cases) - 1
            for moment in due_times(schedule, cases[first].to_pydatetime()):
                moments.append(moment)
                if moment >= cases[last] + (covers if last < len(cases) - 1 else pd.Timedelta(0)):
                    break
            first = last + 1
        calendar = pd.DatetimeIndex(sorted(set(moments)), tz="UTC").as_unit("us")
        people = cases.searchsorted(calendar, "right") - cases.searchsorted(calendar - covers, "right")
        return tuple(calendar[people > 0])

    def decided_at(self, times: pd.Series, schedule: Schedule) -> pd.Series:
        """For each recorded time the as-of of the calendar that decides it; NaT where none does."""
        calendar = pd.DatetimeIndex(self.calendar(schedule))
        covers = pd.Timedelta(days=schedule.covers_days)
        batch = calendar.searchsorted(pd.DatetimeIndex(times))
        as_of = pd.Series(calendar.append(pd.DatetimeIndex([pd.NaT], tz="UTC"))[batch], index=times.index)
        return as_of.where(as_of - times < covers)

    def due_times(self) -> pd.DatetimeIndex:
        """The times at which somebody was due, each once, sorted."""
        times = self.due_rows.times()
        return pd.DatetimeIndex(times[times < _NEVER].drop_duplicates().sort_values())


class HistoryBacked:
    """The methods of a source that only ask its ``history``."""

    history: History

    @property
    def time_column(self) -> str:
        """Column of :meth:`known` that says when a row was known."""
        return self.history.rows.layout.time

    def due(self, as_of: pd.Timestamp, covers_days: float) -> pd.DataFrame:
        """Entities that fell due in (as_of - covers_days, as_of], each once, sorted."""
        return self.history.due(as_of, covers_days)

    def undated_due(self) -> int:
        """How many rows that say who is due had a time that nobody can read, when they were read last."""
        return self.history.due_rows.undated

    def known(self, entities: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        """Rows of ``entities`` known at ``as_of``, sorted by entity and time."""
        return self.history.known(entities, as_of)

    def newest_time(self, as_of: pd.Timestamp) -> pd.Timestamp | None:
        """Time of the newest row of anyone at or before ``as_of``."""
        return self.history.rows.newest(as_of)
