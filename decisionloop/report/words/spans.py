"""Stretches of time in words. A month or a day is never told without its year, unless the next in the list says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from decisionloop.report.words.figures import day, in_words, listed, period_label, plural, without_year

LONG_RUN = 4
"""So many months or days on end are told by the first and the last of them."""


def duration(periods: Sequence[str]) -> str:
    """How long some periods are: "one month", "five months", "two days" or "three periods"."""
    lengths = {len(period) for period in periods}
    noun = "month" if lengths == {7} else "batch" if min(lengths, default=0) >= 10 else "period"
    return f"{in_words(len(periods))} {noun if len(periods) == 1 else plural(noun)}"


def duration_within(periods: Sequence[str]) -> str:
    """The same; of months with others between them "nine of the months from July 2015 to July 2023"."""
    if {len(period) for period in periods} != {7} or len(periods) < 2 or is_run(periods):
        return duration(periods)
    return f"{in_words(len(periods))} of the months from {stretch(sorted(periods))}"


def during(periods: Sequence[str]) -> str:
    """in May 2005; in May and July 2005; from May to September 2005 (a run of three or more); on 3 June 2005."""
    if len(periods) > 2 and is_run(periods):
        return f"from {stretch(periods)}"
    return f"{'on' if all(len(one) >= 10 for one in periods) else 'in'} {names(periods)}"


def is_run(periods: Sequence[str]) -> bool:
    """Whether periods are months, or days, that follow each other."""
    months = [int(one[:4]) * 12 + int(one[5:7]) for one in periods if re.fullmatch(r"\d{4}-\d\d", one)]
    days = [date.fromisoformat(one).toordinal() for one in periods if re.fullmatch(r"\d{4}-\d\d-\d\d", one)]
    return any(len(one) == len(periods) > 0 and one == list(range(one[0], one[0] + len(one))) for one in (months, days))


def names(periods: Sequence[str]) -> str:
    """Periods in a list, each year once: "November, December 2005 and January 2006"; long runs by their ends."""
    runs = _runs(periods)
    if max(map(len, runs), default=0) >= LONG_RUN:
        return listed([stretch(run) for run in runs])
    return listed(_labels(periods))


def _runs(periods: Sequence[str]) -> list[list[str]]:
    """The periods, those that follow one another together."""
    runs: list[list[str]] = []
    for period in periods:
        if runs and is_run([runs[-1][-1], period]):
            runs[-1].append(period)
        else:
            runs.append([period])
    return runs


def stretch(periods: Sequence[str]) -> str:
    """A run of periods by its ends: "July 2005", "July to September 2005", "November 2005 to January 2006"."""
    return " to ".join(_labels([periods[0], periods[-1]] if len(periods) > 1 else periods))


def _labels(periods: Sequence[str]) -> list[str]:
    """Labels, without the year where the next one has the same."""
    labels = [period_label(period) for period in periods]
    followed = zip(labels[:-1], pairwise(periods), strict=True)
    told = [without_year(label) if one[:4] == after[:4] else label for label, (one, after) in followed]
    return [*told, *labels[-1:]]


def dateline(first: date, last: date) -> str:
    """The days that the page covers."""
    return day(first) if first == last else f"{day(first)} to {day(last)}"
