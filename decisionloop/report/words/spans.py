"""Stretches of time in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from decisionloop.report.words.figures import day, in_words, listed, period_name, plural


def duration(periods: Sequence[str]) -> str:
    """How long some periods are: "one month", "five months", "two days" or "three periods"."""
    lengths = {len(period) for period in periods}
    noun = "month" if lengths == {7} else "batch" if min(lengths, default=0) >= 10 else "period"
    return f"{in_words(len(periods))} {noun if len(periods) == 1 else plural(noun)}"


def during(periods: Sequence[str]) -> str:
    """in May; in May and July; from May to September (a run of three months or more); on 3 June."""
    months = [int(one[:4]) * 12 + int(one[5:7]) for one in periods if re.fullmatch(r"\d{4}-\d\d", one)]
    is_run = len(months) == len(periods) > 2 and months == list(range(months[0], months[0] + len(months)))
    if is_run:
        return f"from {stretch(periods)}"
    names = listed([period_name(one) for one in periods])
    return f"on {names}" if all(len(one) >= 10 for one in periods) else f"in {names}"


def stretch(periods: Sequence[str]) -> str:
    """A run of periods by its ends: "July", "July to September"."""
    names = [period_name(period) for period in periods]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}" if names else ""


def dateline(first: date, last: date) -> str:
    """The days that the page covers."""
    return day(first) if first == last else f"{day(first)} to {day(last)}"
