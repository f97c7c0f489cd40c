"""A release that was shipped bad on purpose, in words and money."""

from __future__ import annotations

from collections.abc import Iterator

from decisionloop.report.record.bad_release import BadRelease, WhatItCost
from decisionloop.report.record.claims import Said
from decisionloop.report.words.figures import count, day, money, percent, plural
from decisionloop.report.words.money import direction


def bad_release_sentences(told: BadRelease, noun: str, currency: str) -> tuple[str, ...]:
    """What was shipped and why, for how many it decided, who saw it, and what it has cost; ``noun``: who is decided."""
    return tuple(_sentences(told, noun, currency))


def cost_in_short(told: BadRelease, noun: str, currency: str) -> str:
    """All of it in a few sentences, for the terminal."""
    begun = f"On {day(told.shipped_on)} a bad release was shipped on purpose, beside {told.beside}."
    return Said.joined([begun, _ended(told), *_cost(told, noun, currency)])


def _sentences(told: BadRelease, noun: str, currency: str) -> Iterator[str]:
    yield (
        f"On {day(told.shipped_on)} a bad release was shipped on purpose: {told.beside} with its scores turned round, "
        "so that it trusts most whom that model trusts least. The gate would not have let it; it was put on trial by "
        "hand and past the gate, as somebody might who is sure to know better. The question was who stops it, and when."
    )
    yield (
        f"Like every release that is not proven it was to decide for a share alone, here {percent(told.share)} of the "
        f"people. In a batch of {count(told.rows)} it made {_decisions(told.cost, noun)}; the others of its share were "
        "held out, explored, or left to the rules where too little is known. In "
        f"{count(told.cost.otherwise)} it did what that model would not have done."
    )
    yield _ended(told, told.because)
    yield Said.joined(_cost(told, noun, currency))
    yield "What it decided is in every total of this page, as what any release decides is."


def _ended(told: BadRelease, because: str = "") -> str:
    if told.stopped_on is None:
        return "It is on trial still: nothing has seen yet what it does."
    first = "the same day, in the turn in which it first decided"
    when = first if told.stopped_on == told.shipped_on else f"on {day(told.stopped_on)}"
    if not told.is_caught:
        return f"Nothing that watches a trial has seen it. It was taken away by hand {when}."
    seen = f" What was seen: {_quoted(because)}" if because else ""
    return f"The loop itself stopped it {when}; no outcome had to be waited for.{seen}"


def _quoted(reason: str) -> str:
    """What the guard has said, without the batch before it, which the page has told."""
    return reason.partition(": ")[2] or reason


def _cost(told: BadRelease, noun: str, currency: str) -> Iterator[str]:
    knows = "as the replay knows" if told.basis == "truth" else "by that model's own reckoning"
    claims = {"bad_release.lost": told.cost.lost, "bad_release.decisions": told.cost.decisions}
    yield Said(f"It {_lost(told.cost.lost, currency)} against what that model would have done, {knows}.", claims)
    more = ""
    if told.cost.lost and told.at_once.lost and min(told.cost.lost, told.at_once.lost) > 0:
        more = f", {told.at_once.lost / told.cost.lost:,.0f} times as much"
    yield Said(
        f"Switching everybody at once would have made {_decisions(told.at_once, noun)} until {day(told.outcomes_on)}, "
        f"when the first outcomes were complete, and would have {_had(told.at_once.lost, currency)}{more}.",
        {"bad_release.at_once": told.at_once.lost},
    )


def _decisions(cost: WhatItCost, noun: str) -> str:
    if cost.decisions == 1:
        return f"1 decision about a {noun}"
    return f"{count(cost.decisions)} decisions about {plural(noun)}"


def _lost(lost: float | None, currency: str) -> str:
    """One of: cost NT$3,000, gained NT$3,000 by luck, cost nothing, has no figure yet."""
    if lost is None:
        return "has no figure yet"
    told = {1: f"cost {money(lost, currency)}", -1: f"gained {money(-lost, currency)} by luck"}
    return told.get(direction(lost, currency), "cost nothing")


def _had(lost: float | None, currency: str) -> str:
    return "a cost that nobody can tell" if lost is None else _lost(lost, currency)


def cost_in_a_line(told: BadRelease, currency: str) -> tuple[str, ...]:
    """When it was shipped, what became of it, and what it cost, for the head of its section."""
    shipped = f"Shipped on {day(told.shipped_on)} to see who stops it."
    cost = Said(f"It {_lost(told.cost.lost, currency)}.", {"bad_release.lost": told.cost.lost})
    return shipped, _ended(told), cost
