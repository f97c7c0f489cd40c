"""Whether anything can be told yet: how much has been tried of how much that is needed, and what to do. Pure."""

from __future__ import annotations

import math

from decisionloop.learn.tried_otherwise import YEAR_WEEKS, TriedOtherwise
from decisionloop.report.record.claims import Said
from decisionloop.report.record.glance import ToDo
from decisionloop.report.words.figures import capital, count, count_of

_SOON = 13.0
"""Weeks that anybody waits without a word."""
_AT_MOST = "decide more at a time, wait longer, or begin with an action or outcome that is seen of more people"


def is_untold(tried: TriedOtherwise | None) -> bool:
    """Whether too little has been tried to tell whether anything is better than the rules."""
    return tried is not None and not tried.is_enough


def untold_sentences(tried: TriedOtherwise) -> tuple[str, ...]:
    """That nothing can be told yet, and why: so many seen of so many needed, and how long that goes on."""
    many, tells = tried.outcomes or round(tried.seen), round(tried.seen)
    have = "has" if many == 1 else "have"
    seen = f"Of what the rules would not do {count_of(many, 'outcome')} {have} been seen"
    if tried.cut:
        where = "where a limit cut what they would have done"
        seen = f"{seen}, {'all' if tried.cut == many else f'{count(tried.cut)} of them'} {where}"
    if tells < many:
        as_few = f"of one action they tell as much as {count(tells)} of equal chance"
        seen = f"{seen}; {as_few}"
    told = Said(
        f"No. {seen}, and at least {count(round(tried.needed))} are needed.",
        {"tried.seen": tells, "tried.outcomes": many, "tried.cut": tried.cut, "tried.needed": round(tried.needed)},
    )
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
    elif tried.is_at_most:
        name, _, now = tried.setting.partition(" ")
        what = f"`{name}` {now} is as large as it may be: {_AT_MOST}."
    else:
        name, _, now = tried.setting.partition(" ")
        times = _times(tried)
        what = f"Raise `{name}` {now}{times}, or decide more at a time."
    how = f"`decisionloop usecase check {use_case}` says which setting brings enough."
    how = f"{how[:-1]}, and how long it would take." if tried.is_at_most else how
    return ToDo("Too little is tried to tell anything", f"{what} {how}", "warning", "learn")


def _times(tried: TriedOtherwise) -> str:
    """How many times as much would be enough within a year, and how far the setting goes; "" where nothing has come."""
    if tried.a_week <= 0:
        return ""
    times = (tried.needed - tried.seen) / (tried.a_week * YEAR_WEEKS)
    if times <= 1:
        return ""
    told = f": to be told within a year, {math.ceil(times)} times as much must be tried"
    return f"{told}, and the setting goes up to {tried.room:.2g} times" if times > tried.room else told


def _how_long(tried: TriedOtherwise) -> str:
    if not tried.setting:
        return "The contract tries nothing else (`policy.exploration`), so none will come."
    if math.isnan(tried.a_week):
        if tried.outcomes:
            return "No batch has had all the time yet that its outcomes need, so how many come a week is not known."
        return "No outcome has had the time to come yet."
    if math.isinf(tried.weeks_left):
        return "So far none come."
    weeks = tried.weeks_left
    is_short = weeks < 1.5 * YEAR_WEEKS
    time = count_of(max(1, round(weeks)), "week") if is_short else count_of(round(weeks / YEAR_WEEKS), "year")
    rate = f"{tried.a_week:.1f}" if tried.a_week < 10 else count(round(tried.a_week))
    return capital(f"about {rate} come a week, so that takes {time} more, unless more is tried.")
