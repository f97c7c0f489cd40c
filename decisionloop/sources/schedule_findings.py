"""Do the schedule's due times, the days that a batch covers and the data's own times agree?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import numpy as np
import pandas as pd

from decisionloop.contract.cron import due_times, gaps
from decisionloop.contract.days import in_days
from decisionloop.contract.operation import Schedule
from decisionloop.sources.base import Source
from decisionloop.sources.history import HistoryBacked

FIRST_YEAR, END_YEAR = 1900, 2200


def schedule_findings(schedule: Schedule, source: Source) -> Iterator[str]:
    """Each disagreement with its remedy; of a source of the user's own only its calendar can be told."""
    if isinstance(source, HistoryBacked):
        yield from _findings_of(schedule, source.history.due_times())
        return
    calendar = source.calendar()
    if calendar:
        due = set(takewhile(lambda moment: moment <= calendar[-1], due_times(schedule, calendar[0].to_pydatetime())))
        apart = [moment for moment in calendar if moment.to_pydatetime() not in due]
        if apart:
            yield (
                f"The source's calendar has {len(apart)} of {len(calendar)} times at which schedule.cron is not due, "
                f"the first {apart[0]:%Y-%m-%d %H:%M}. Change schedule.cron, or calendar() in source.py."
            )


def _findings_of(schedule: Schedule, cases: pd.DatetimeIndex) -> Iterator[str]:
    """``cases``: the times at which somebody was due, sorted, UTC. A slip of the pen in a year tells of no schedule."""
    cases = cases[(cases.year >= FIRST_YEAR) & (cases.year < END_YEAR)]
    if cases.empty:
        return
    first, covers = cases[0].to_pydatetime(), pd.Timedelta(days=schedule.covers_days)
    before = takewhile(lambda moment: moment < cases[-1], due_times(schedule, first))
    moments = pd.DatetimeIndex([*before, next(due_times(schedule, cases[-1].to_pydatetime()))]).as_unit("us")
    after = moments[moments.searchsorted(cases)]
    is_left_out = (after - cases) >= covers
    shortest, longest = (pd.Timedelta(gap) / pd.Timedelta(days=1) for gap in gaps(schedule, first))
    if is_left_out.any():
        yield (
            f"{int(is_left_out.sum())} of {len(cases)} times at which somebody was due are in no batch, the first "
            f"{cases[is_left_out][0]:%Y-%m-%d %H:%M}: schedule.cron is due every {_days(shortest, longest)}, and a "
            f"batch covers {schedule.covers_days:g}. Set covers_days to {longest:g}, or run more often."
        )
    if schedule.covers_days > longest:
        yield (
            f"A batch covers {in_days(schedule.covers_days)}, more than the {longest:g} between two due times of "
            f"schedule.cron, so that batches overlap. Set covers_days to {longest:g}, or run less often."
        )
    fresh = np.diff(cases.searchsorted(moments, "right"), prepend=0)  # due since the due time before
    if (fresh == 0).mean() > 0.5:
        usual = float(np.median(np.diff(cases.asi8)) / 8.64e10) if len(cases) > 1 else 0.0
        yield (
            f"Nobody is newly due at {int((fresh == 0).sum())} of {len(moments)} due times of schedule.cron: the data "
            f"has somebody due every {in_days(usual)}. Set cron and covers_days to that."
        )


def _days(shortest: float, longest: float) -> str:
    return in_days(shortest) if shortest == longest else f"{shortest:g} to {longest:g} days"
