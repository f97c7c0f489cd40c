"""What a replay says of the loop as a whole: how much of what free information would have been worth it has earned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from decisionloop.report.record.claims import Said
from decisionloop.report.record.story import PeriodCapture
from decisionloop.report.words.figures import listed, money, percent
from decisionloop.report.words.money import direction

if TYPE_CHECKING:
    from decisionloop.learn.capture import Captured

PARTS = {
    "exploring": "exploring",
    "waiting": "letting the rules decide while nothing better was ready",
    "holdout": "the holdout, which the rules always decide",
    "choices": "what its models chose otherwise",
}


def captured_in_all(periods: Sequence[PeriodCapture]) -> Captured:
    """All periods together."""
    return reduce(add, (one.money for one in periods))


def capture_sentences(periods: Sequence[PeriodCapture], currency: str) -> tuple[str, ...]:
    """What free information was worth, what the loop has made of it, and what became of the rest."""
    return tuple(_sentences(captured_in_all(periods), currency)) if periods else ()


def _sentences(whole: Captured, currency: str) -> Iterator[str]:
    told = "A loop that is told every outcome free of charge, and so need not explore, hold out or wait,"
    if direction(whole.attainable, currency) <= 0:
        yield f"{told} would have earned no more than the rules alone: there was nothing to be had."
        return
    claims = {"capture.share": round(whole.share, 4), "capture.attainable": whole.attainable}
    yield Said(
        f"{told} would have earned {money(whole.attainable, currency)} more than the rules alone. This loop "
        f"{_beside_rules(whole, currency)}.",
        claims,
    )
    ordered = sorted(PARTS, key=lambda name: -getattr(whole, name))
    costs = [name for name in ordered if direction(getattr(whole, name), currency) > 0]
    gains = [name for name in reversed(ordered) if direction(getattr(whole, name), currency) < 0]
    if costs:
        yield f"The rest went on {listed([_part(whole, name, currency) for name in costs])}."
    if gains:
        yield f"Better than that loop were {listed([_part(whole, name, currency) for name in gains])}."


def _beside_rules(whole: Captured, currency: str) -> str:
    side = direction(whole.gain, currency)
    if side == 0:
        return "earned what the rules would have: nothing of that"
    more = money(abs(whole.gain), currency)
    if side < 0:
        return f"earned {more} less than the rules: it paid more to learn than it gained"
    return f"earned {more} more than the rules: {percent(whole.share)} of that"


def _part(whole: Captured, name: str, currency: str) -> str:
    return f"{PARTS[name]} ({money(abs(getattr(whole, name)), currency)})"
