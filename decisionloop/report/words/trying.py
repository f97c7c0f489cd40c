"""Whether anything can be told yet: how much has been tried of how much that is needed, and what to do. Pure."""

from __future__ import annotations

import math

from decisionloop.learn.tried_otherwise import YEAR_WEEKS, TriedOtherwise
from decisionloop.report.record.claims import Said
from decisionloop.report.record.glance import ToDo
from decisionloop.report.words.figures import capital, count, count_of

_SOON = 13.0
"""Weeks that anybody waits without a word."""


def is_untold(tried: TriedOtherwise | None) -> bool:
    """Whether too little has been tried to tell whether anything is better than the rules."""
    return tried is not None and not tried.is_enough


def untold_sentences(tried: TriedOtherwise) -> tuple[str, ...]:
    """That nothing can be told yet, and why: so many seen of so many needed, and how long that goes on."""
    of = f"{count_of(round(tried.seen), 'outcome')}"
    have = "has" if round(tried.seen) == 1 else "have"
    seen = f"Of what the rules would not do {of} {have} been seen, and at least {count(round(tried.needed))} are needed"
    told = Said(f"No. {seen}.", {"tried.seen": round(tried.seen), "tried.needed": round(tried.needed)})
    return told, _how_long(tried)


def untold_line(tried: TriedOtherwise) -> str:
    """The same in one line, for a terminal; "" where something can be told."""
    if tried.is_enough:
        return ""
    told = Said.joined(untold_sentences(tried))
    return Said(f"nothing can be told yet whether anything is better than the rules. {told.removeprefix('No. ')}")


def try_more(tried: TriedOtherwise, use_case: str) -> ToDo | None:
    """What to do about it; None where it is a matter of weeks."""
    if math.isnan(tried.a_week) or tried.weeks_left <= _SOON:
        return None
    if not tried.setting:
        what = "The contract tries nothing: set `policy.exploration`, or no model can ever show that it earns more."
    else:
        name, _, now = tried.setting.partition(" ")
        times = _times(tried)
        what = f"Raise `{name}` {now}{times}, or decide more at a time."
    how = f"`decisionloop usecase check {use_case}` says which setting brings enough."
    return ToDo("Too little is tried to tell anything", f"{what} {how}", "warning")


def _times(tried: TriedOtherwise) -> str:
    """How many times as much would be enough within a year; "" where nothing at all has come."""
    if tried.a_week <= 0:
        return ""
    times = (tried.needed - tried.seen) / (tried.a_week * YEAR_WEEKS)
    return f": to be told within a year, {math.ceil(times)} times as much must be tried" if times > 1 else ""


def _how_long(tried: TriedOtherwise) -> str:
    if not tried.setting:
        return "The contract tries nothing else (`policy.exploration`), so none will come."
    if math.isnan(tried.a_week):
        return "No outcome has had the time to come yet."
    if math.isinf(tried.weeks_left):
        return "So far none come."
    weeks = tried.weeks_left
    is_short = weeks < 1.5 * YEAR_WEEKS
    time = count_of(max(1, round(weeks)), "week") if is_short else count_of(round(weeks / YEAR_WEEKS), "year")
    rate = f"{tried.a_week:.1f}" if tried.a_week < 10 else count(round(tried.a_week))
    return capital(f"about {rate} come a week, so that takes {time} more, unless more is tried.")
