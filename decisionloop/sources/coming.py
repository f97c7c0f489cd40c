"""How many decisions come, counted at the schedule's own due times over what the data has of them: seasons included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.contract.cron import due_times_until
from decisionloop.sources.base import Source

YEAR = pd.Timedelta(days=365.25)
_WEEK = pd.Timedelta(days=7)
_LOOKED_BACK = pd.Timedelta(days=365)
"""The same day of the year before is that year's."""
_ASKED = 130
"""Due times at which people are counted; of more of them evenly spread ones stand for all."""


@dataclass(frozen=True)
class DecisionsComing:
    """``people`` decided in ``batches`` batches with anybody in them, in ``weeks`` weeks up to ``until``, the last
    batch: all of a replay, else the year before the newest row, or what there is of it."""

    people: float
    batches: float
    weeks: float
    until: pd.Timestamp
    is_replay: bool

    @property
    def a_week(self) -> float:
        """Decisions a week, weeks without any included."""
        return self.people / self.weeks

    @property
    def of_batch(self) -> float:
        """People of a batch, on the average of those that have any."""
        return self.people / max(self.batches, 1.0)

    @property
    def batches_a_week(self) -> float:
        """Batches with anybody in them."""
        return self.batches / self.weeks

    @property
    def words(self) -> str:
        """Over which time it was counted."""
        if self.is_replay:
            return f"counted over the {self.weeks:,.0f} weeks of this replay"
        is_year = self.weeks >= (YEAR - 2 * _WEEK) / _WEEK
        end = f"{self.until:%Y-%m-%d}"
        return f"counted over the year to {end}" if is_year else f"counted over the {self.weeks:,.0f} weeks to {end}"


def decisions_coming(use_case: UseCase, source: Source, newest: pd.Timestamp) -> DecisionsComing:
    """Count them; ``newest``: of live data the last due time that is looked at. One batch at the least."""
    moments = source.calendar()
    if moments:
        people = _counted(source, moments, use_case.schedule.covers_days)
        return _of(np.array(people), moments, _first_length(use_case, moments[0]), is_replay=True)
    year = takewhile(
        lambda due: due > newest - _LOOKED_BACK, due_times_until(use_case.schedule, newest.to_pydatetime())
    )
    moments = tuple(pd.Timestamp(one) for one in year)[::-1] or (newest,)
    sizes = np.array(_counted(source, moments, use_case.schedule.covers_days))
    before = int(np.argmax(sizes > 0)) - -(-len(moments) // _ASKED)
    if sizes.any() and before > 0:  # where they begin lies between two that were asked
        moments = moments[before:]
        sizes = np.array(_counted(source, moments, use_case.schedule.covers_days))
    begun = int(np.argmax(sizes > 0)) if sizes.any() else len(sizes) - 1
    return _of(sizes[begun:], moments[begun:], _first_length(use_case, moments[begun]), is_replay=False)


def _first_length(use_case: UseCase, first: pd.Timestamp) -> pd.Timedelta:
    """How long the first batch's turn took: since the due time before, for a weekend without a batch is of the week.

    Or what it covers, where that is more.
    """
    covers = pd.Timedelta(days=use_case.schedule.covers_days)
    before = next(due_times_until(use_case.schedule, (first - pd.Timedelta(seconds=1)).to_pydatetime()), None)
    return covers if before is None else max(covers, first - before)


def _counted(source: Source, moments: Sequence[pd.Timestamp], covers_days: float) -> list[float]:
    """How many are due at each moment since the one before, or in its ``covers_days``, for nobody is decided twice.

    At moments that are not asked as many as at the nearest one before.
    """
    asked = np.unique(np.linspace(0, len(moments) - 1, min(len(moments), _ASKED)).astype(np.int64))
    gaps = [covers_days, *((late - early) / pd.Timedelta(days=1) for early, late in pairwise(moments))]
    many = [float(len(source.due(moments[one], min(covers_days, gaps[one])))) for one in asked]
    return [many[i] for i in np.searchsorted(asked, np.arange(len(moments)), "right") - 1]


def _of(sizes: np.ndarray, moments: Sequence[pd.Timestamp], first: pd.Timedelta, is_replay: bool) -> DecisionsComing:
    weeks = (moments[-1] - moments[0] + first) / _WEEK
    batches = float(len(moments)) if is_replay else float((sizes > 0).sum())
    return DecisionsComing(float(sizes.sum()), max(1.0, batches), max(weeks, 1 / 7), moments[-1], is_replay)
