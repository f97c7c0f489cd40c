"""Sentences about money and time: what was earned or lost, and how sure that is. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.report.record.claims import Claimed, Said, over
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.story import PeriodMoney
from decisionloop.report.record.totals import counted, covered, total_of
from decisionloop.report.words.figures import capital, count_of, listed, money
from decisionloop.report.words.spans import during, names

CANNOT_TELL = "the data cannot tell the two apart"
NOT_COMPARED = "the two cannot be compared"


def direction(amount: float | None, currency: str) -> int:
    """1 for money earned, -1 for money lost, 0 when it is unknown or would be written as zero."""
    if amount is None or money(abs(amount), currency) == money(0.0, currency):
        return 0
    return 1 if amount > 0 else -1


def earned(amount: float | None, currency: str) -> str:
    """One of: earned NT$2.3 million, lost NT$2.3 million, broke even, has no figure yet (None)."""
    if amount is None:
        return "has no figure yet"
    verb = {1: "earned", -1: "lost", 0: ""}[direction(amount, currency)]
    return f"{verb} {money(abs(amount), currency)}" if verb else "broke even"


def would_have_earned(amount: float | None, currency: str) -> str:
    """The same for what did not happen: "would have lost NT$2.3 million"."""
    if amount is None:
        return "cannot be priced"
    if direction(amount, currency) == 0:
        return "would have broken even"
    return f"would have {earned(amount, currency)}"


def span(estimate: Estimate, currency: str) -> str:
    """The interval in words, losses called losses; empty when there is none."""
    low, high = estimate.low, estimate.high
    if low is None or high is None:
        return ""
    if low >= 0:
        return f"between {money(low, currency)} and {money(high, currency)}"
    if high <= 0:
        return f"a loss of between {money(abs(high), currency)} and {money(abs(low), currency)}"
    return f"anywhere from a loss of {money(abs(low), currency)} to a gain of {money(high, currency)}"


def whatever_comes(between: str, missing: int | None = None) -> str:
    """Between what outcomes that have not come leave a figure, as it stands beside its interval.

    ``between``: its ends in words, "" where nobody knows them. ``missing``: how many there are, where that is said.
    """
    if missing is None:
        what = "has not come"
    else:
        what = "the one outcome is that has not come"
        what = what if missing == 1 else f"the {count_of(missing, 'outcome')} are that have not come"
    return f"whatever {what}, {between or 'nobody knows'}"


def comparison(difference: Estimate, currency: str) -> str:
    """Who was ahead, or that the data cannot tell."""
    if difference.value is None:
        return NOT_COMPARED
    if difference.low is None or difference.high is None:
        return "there is too little data to compare the two"
    if difference.sign == 0:
        behind, ahead = money(abs(difference.low), currency), money(abs(difference.high), currency)
        return f"{CANNOT_TELL}: the loop may be anywhere from {behind} behind to {ahead} ahead"
    leader = "the loop did better" if difference.sign > 0 else "the rules would have done better"
    return f"{leader} by {_distance(difference, currency)}"


def reach(difference: Estimate, currency: str) -> str:
    """The interval of a difference whose sign is sure, without its sign: between NT$0.1 and NT$1.9 million."""
    ends = [end for end in (difference.low, difference.high) if end is not None]
    low, high = (money(abs(end), currency) for end in sorted(ends, key=abs))
    return f"between {low} and {high}"


def _distance(difference: Estimate, currency: str) -> str:
    """A difference without its sign, with its interval: NT$1.0 million (between NT$0.1 and NT$1.9 million)."""
    bounds = span(difference.at_the_bounds, currency)
    whatever = f"; {whatever_comes(bounds)}" if bounds else ""
    return f"{money(abs(difference.value or 0.0), currency)} ({reach(difference, currency)}{whatever})"


def money_claims(lines: Sequence[PeriodMoney]) -> dict[str, Claimed]:
    """What a sentence about some counted periods together claims."""
    total = total_of(lines)
    if total is None:
        return {}
    part = over(one.period for one in covered(lines))
    return {
        f"money.policy{part}": total.policy,
        f"money.rules{part}": total.rules,
        f"money.difference{part}": total.difference,
    }


def money_sentences(lines: Sequence[PeriodMoney], currency: str) -> tuple[str, ...]:
    """What the chart of the money says, period by period, alike ones together."""
    by_rules = [one for one in covered(lines) if one.is_by_rules]
    contested = [one for one in counted(lines) if one.is_by_model or one.is_observed]
    sentences: list[str] = [_rules_decided(by_rules, currency)]
    for sign, leader in ((1, "The loop did better"), (-1, "The rules would have done better")):
        told = [one for one in contested if one.difference.sign == sign]
        if told:
            parts = [f"{during([one.period])} by {_distance(one.difference, currency)}" for one in told]
            claims = {f"money.difference{over([one.period])}": one.difference for one in told}
            sentences.append(Said(f"{leader} {listed(parts)}.", claims))
    unsaid = ((CANNOT_TELL, True), (NOT_COMPARED, False))
    for words, is_known in unsaid:
        open_ones = [p.period for p in contested if p.difference.sign == 0 and p.difference.is_known == is_known]
        if open_ones:
            sentences.append(f"For {names(open_ones)} {words}.")
    sentences += [losing_periods(counted(lines), currency), _doubtful(contested), immature(lines)]
    return tuple(sentence for sentence in sentences if sentence)


def _rules_decided(periods: Sequence[PeriodMoney], currency: str) -> str:
    total = total_of(periods)
    if total is None:
        return ""
    when = capital(during([one.period for one in periods]))
    result = earned(total.policy.value, currency)
    if total.difference.is_nothing:
        return Said(f"{when} the rules decided and {result}, as they would have alone.", money_claims(periods))
    sentence = f"{when} the rules decided, apart from what was explored, and the loop {result}"
    if total.difference.sign < 0:
        sentence += f"; exploring cost {_distance(total.difference, currency)}"
    return Said(f"{sentence}.", money_claims(periods))


def is_unsure(result: Estimate) -> bool:
    """Whether a result may be a gain or a loss, by its interval or by what has not come."""
    return result.low is not None and (result.sign == 0 or result.is_sign_open)


def _doubtful(periods: Sequence[PeriodMoney]) -> str:
    """Periods whose own result may be a gain or a loss."""
    unsure = [one.period for one in periods if is_unsure(one.policy)]
    return f"Whether the loop made money at all {during(unsure)} is not certain." if unsure else ""


def losing_periods(seen: Sequence[PeriodMoney], currency: str) -> str:
    """Periods in which loop and rules lost money, where the data leaves no doubt of it."""
    lost = [one for one in seen if _is_lost(one.policy, currency) and _is_lost(one.rules, currency)]
    if not lost or len(lost) == len(seen):
        return ""
    when = capital(during([one.period for one in lost]))
    if all(one.is_by_rules and one.difference.is_nothing for one in lost):
        amount = money(abs(sum(one.policy.value or 0.0 for one in lost)), currency)
        return Said(f"{when} they lost money: {amount}.", money_claims(lost))
    policy, rules = (
        money(abs(sum(values)), currency)
        for values in (
            [one.policy.value or 0.0 for one in lost],
            [one.rules.value or 0.0 for one in lost],
        )
    )
    return Said(f"{when} both lost money: the loop {policy}, the rules {rules}.", money_claims(lost))


def _is_lost(estimate: Estimate, currency: str) -> bool:
    """A loss, and surely one where there is an interval."""
    is_sure = (estimate.high is None or estimate.high < 0) and not estimate.is_sign_open
    return direction(estimate.value, currency) < 0 and is_sure


def immature(money_lines: Sequence[PeriodMoney]) -> str:
    """That periods are left out until their outcomes have come; "" where none is."""
    late = [one.period for one in money_lines if not one.is_mature]
    return f"The outcomes of {names(late)} are not complete yet and are not counted." if late else ""
