"""Sentences about what became of decisions beside how long their answers took."""

from __future__ import annotations

from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.latency import AnswerLatency, LatencyBand
from decisionloop.report.words.figures import NBSP, capital, count, count_of, money, rate
from decisionloop.report.words.money import span

NO_CAUSE = (
    "Nobody draws who waits longer: slow answers may be those of busy hours or of other people. This says what stands "
    "beside what, not that waiting did it."
)


def band_name(one: LatencyBand) -> str:
    """Between which times a band lies."""
    if one.to_ms is None:
        return f"over {one.above_ms:g}{NBSP}ms"
    return f"{f'{one.above_ms:g}' if one.above_ms else 'up'} to {one.to_ms:g}{NBSP}ms"


def latency_sentences(told: AnswerLatency, outcome: str, currency: str) -> tuple[str, ...]:
    """How many answers came late, what became of them beside the others, and that this proves no cause."""
    late, every = told.late, told.decisions
    last = "the last " if told.is_cut else ""
    first = (
        f"Of {last}{count_of(every, 'timed decision')} whose outcomes are due {count(late.decisions)} were answered "
        f"later than the budget of {told.budget_ms:g}{NBSP}ms."
    )
    return tuple(one for one in (first, _conversion(told, outcome), _money(told, currency), NO_CAUSE) if one)


def _conversion(told: AnswerLatency, outcome: str) -> str:
    within, late = told.within, told.late
    if not outcome or not within.conversion.is_known or not late.conversion.is_known:
        return ""
    sides = (
        f"“{outcome}” came of {_rate(within.conversion)} of those answered in time and of {_rate(late.conversion)} of "
        "the others"
    )
    verdict = {1: "surely more often of the others", -1: "surely less often of the others"}
    return f"{capital(sides)}: {verdict.get(told.change.sign, 'the data cannot tell the two apart')}."


def _money(told: AnswerLatency, currency: str) -> str:
    within, late = told.within.money, told.late.money
    if not within.is_known or not late.is_known:
        return ""
    others = f"one of the others {_money_of(late, currency)}"
    return f"A decision answered in time earned {_money_of(within, currency)}, {others}."


def _rate(one: Estimate) -> str:
    ends = f" ({rate(one.low)} to {rate(one.high)})" if one.low is not None and one.high is not None else ""
    return f"{rate(one.value)}{ends}"


def _money_of(one: Estimate, currency: str) -> str:
    between = span(one, currency)
    return f"{money(one.value, currency)}{f' ({between})' if between else ''}"


def band_in_brief(one: LatencyBand, outcome: str, currency: str) -> str:
    """One band for a terminal."""
    waits = one.revealing - one.known
    missing = f", {count(waits)} without the outcome that is due" if waits else ""
    yes = f"; “{outcome}” {_rate(one.conversion)} of {count(one.known)}" if one.conversion.is_known else ""
    earned = f"; a decision earned {_money_of(one.money, currency)}" if one.money.is_known else ""
    return f"{band_name(one):<16} {count(one.decisions):>7}{yes}{missing}{earned}"
