"""How time runs in a table: when a batch is due, how many it has, and how long outcomes take."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import pandas as pd

from decisionloop.contract.cron import due_times
from decisionloop.contract.operation import Schedule
from decisionloop.sources.delays import OutcomeDelays

DAY = pd.Timedelta(days=1)
FEWEST, MOST_BATCHES = 50, 400
"""Rows that make a batch worth a turn, and turns that make a replay long enough."""
WEEK, CLOSED_SEEN = 7, 3
"""Days of the week without a decision in so many weeks are closed."""
YEAR_DAYS, MOST_MONTHS = 365, 6
"""Who decides on the same day of so few months decides so often a year, once a year has been seen."""
MOST_ENDS = 3
"""From one batch more than these on the first and the last are left out of what a batch has at least."""
EVERY_OUTCOME = 0.99
"""The share of outcomes that have come by the end of the window, where the last ones take much longer than most."""


@dataclass(frozen=True)
class Rhythm:
    """A schedule that fits the times of decisions: cron (UTC), days a batch covers, fewest and most rows of a batch."""

    cron: str
    covers_days: int
    rows: tuple[int, int]
    words: str


@dataclass(frozen=True)
class Delays:
    """Days in which outcomes count, after which a cohort is complete; ``words`` say what was seen."""

    window_days: int
    words: str


def rhythm_of(times: pd.Series) -> Rhythm:
    """The schedule of decisions at ``times`` (n,), UTC: by the days at which they came, else by how many there are.

    A batch is as of midnight: of the same day where times are days, else of the next.
    """
    days, is_day = times.dt.normalize(), bool((times == times.dt.normalize()).all())
    due = days if is_day else days + DAY
    distinct = pd.Series(due.unique()).sort_values()
    of_month, of_week = distinct.dt.day.unique(), distinct.dt.dayofweek.unique()
    span = max(1.0, (distinct.iloc[-1] - distinct.iloc[0]) / DAY)
    a_day = len(times) / span
    months = sorted(distinct.dt.month.unique())
    if len(of_month) == 1 and of_month[0] <= 30 and len(months) <= MOST_MONTHS and span >= YEAR_DAYS:
        shortest = int(distinct.diff().min() / DAY)  # all come on a due day, so that no day between two is missed
        words = f"decisions fall on day {of_month[0]} of {_months(len(months))} of the year"
        return _rhythm(times, f"0 0 {of_month[0]} {','.join(map(str, months))} *", shortest, words)
    if len(of_month) == 1 and len(distinct) > 1 and of_month[0] <= 28:
        return _rhythm(times, f"0 0 {of_month[0]} * *", 31, f"decisions fall on day {of_month[0]} of a month")
    if len(of_week) == 1 and len(distinct) > 1:
        return _rhythm(times, f"0 0 * * {(of_week[0] + 1) % 7}", 7, "decisions fall on one day of the week")
    if len(of_week) < WEEK and len(distinct) >= CLOSED_SEEN * len(of_week) and len(distinct) <= MOST_BATCHES:
        each = len(times) / len(distinct)
        if each >= FEWEST:  # on the others a batch of nobody would be halted
            named = ",".join(str((one + 1) % 7) for one in sorted(of_week))
            words = f"some {each:,.0f} decisions on each of {len(of_week)} days of the week, none on the others"
            return _rhythm(times, f"0 0 * * {named}", 1, words)
    if a_day >= FEWEST and span <= MOST_BATCHES:
        return _rhythm(times, "0 0 * * *", 1, f"some {a_day:,.0f} decisions a day")
    if a_day * 7 >= FEWEST / 2:
        return _rhythm(times, "0 0 * * 1", 7, f"some {a_day * 7:,.0f} decisions a week")
    return _rhythm(times, "0 0 1 * *", 31, f"some {a_day * 30:,.0f} decisions a month")


def delays_of(decided: pd.Series, seen: pd.Series) -> Delays:
    """How long outcomes took, from times (n,) of decisions and of outcomes, NaT where none has come."""
    days = ((seen - decided).dt.total_seconds() / 86_400).dropna().to_numpy()
    told = OutcomeDelays.of(days)
    if told is None:
        return Delays(1, "no outcome has a time")
    every, longest = (max(1, int(np.ceil(one))) for one in (np.quantile(days, EVERY_OUTCOME), days.max()))
    words = f"outcomes came after {told.words}{'' if told.is_one else f', the last after {longest}'}"
    if longest <= 1.2 * max(1, int(np.ceil(told.nearly))):
        return Delays(longest, words)
    return Delays(every, f"{words}: a shorter window learns earlier")


def _rhythm(times: pd.Series, cron: str, covers_days: int, words: str) -> Rhythm:
    """Rows of a batch: half of the fewest up to twice the most, of the batches that the schedule makes of the table.

    The first and the last one are not whole, and may hold as few as they like.
    """
    first, last = times.min().to_pydatetime(), times.max()
    until = last + pd.Timedelta(days=2 * covers_days)
    due = takewhile(lambda moment: moment <= until, due_times(Schedule(cron=cron, covers_days=covers_days), first))
    moments = pd.DatetimeIndex(list(due))
    rows = np.bincount(moments.searchsorted(pd.DatetimeIndex(times)))
    rows = rows[rows > 0]
    whole = rows[1:-1] if len(rows) > MOST_ENDS else rows
    return Rhythm(cron, covers_days, (max(1, int(whole.min()) // 2), 2 * int(rows.max())), words)


def _months(many: int) -> str:
    return "one month" if many == 1 else f"{many} months"
