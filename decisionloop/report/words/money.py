"""Sentences about money and time: what was earned or lost, and how sure that is. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.story import Headline, PeriodMoney, UseCaseLines
from decisionloop.report.record.totals import by_models, counted, total_of
from decisionloop.report.words.figures import (
    capital,
    count_of,
    listed,
    money,
    period_name,
)
from decisionloop.report.words.spans import duration, during, stretch

CANNOT_TELL = "the data cannot tell the two apart"


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


def comparison(difference: Estimate, currency: str) -> str:
    """Who was ahead, or that the data cannot tell."""
    if difference.value is None:
        return "the two cannot be compared"
    if difference.low is None or difference.high is None:
        return "there is too little data to compare the two"
    if difference.sign == 0:
        behind, ahead = money(abs(difference.low), currency), money(abs(difference.high), currency)
        return f"{CANNOT_TELL}: the loop may be anywhere from {behind} behind to {ahead} ahead"
    leader = "the loop did better" if difference.sign > 0 else "the rules would have done better"
    return f"{leader} by {_distance(difference, currency)}"


def _distance(difference: Estimate, currency: str) -> str:
    """A difference without its sign, with its interval: NT$1.0 million (between NT$0.1 and NT$1.9 million)."""
    ends = [end for end in (difference.low, difference.high) if end is not None]
    low, high = (money(abs(end), currency) for end in sorted(ends, key=abs))
    return f"{money(abs(difference.value or 0.0), currency)} (between {low} and {high})"


def money_sentences(lines: Sequence[PeriodMoney], currency: str) -> tuple[str, ...]:
    """What the chart of the money says, period by period, alike ones together."""
    by_rules = [one for one in counted(lines) if one.is_by_rules]
    contested = by_models(lines)
    sentences = [_rules_decided(by_rules, currency)]
    for sign, leader in ((1, "The loop did better"), (-1, "The rules would have done better")):
        told = [one for one in contested if one.difference.sign == sign]
        if told:
            parts = [f"{during([one.period])} by {_distance(one.difference, currency)}" for one in told]
            sentences.append(f"{leader} {listed(parts)}.")
    open_ones = [period_name(one.period) for one in contested if one.difference.sign == 0]
    if open_ones:
        sentences.append(f"For {listed(open_ones)} {CANNOT_TELL}.")
    sentences += [_losing_periods(counted(lines), currency), _doubtful(contested), _immature(lines)]
    return tuple(sentence for sentence in sentences if sentence)


def _rules_decided(periods: Sequence[PeriodMoney], currency: str) -> str:
    total = total_of(periods)
    if total is None:
        return ""
    when = capital(during([one.period for one in periods]))
    result = earned(total.policy.value, currency)
    sentence = f"{when} the rules decided, apart from what was explored, and the loop {result}"
    if total.difference.sign < 0:
        return f"{sentence}; exploring cost {_distance(total.difference, currency)}."
    return f"{sentence}."


def _doubtful(periods: Sequence[PeriodMoney]) -> str:
    """Periods whose own result may be a gain or a loss."""
    names = [one.period for one in periods if one.policy.low is not None and one.policy.sign == 0]
    return f"Whether the loop made money at all {during(names)} is not certain." if names else ""


def verdict(total: PeriodMoney | None, periods: str, currency: str) -> str:
    """The story in one sentence. ``periods`` is how long it took, such as "five months"."""
    if total is None or not total.policy.is_known:
        return "It is too early to say what these decisions earned."
    policy, rules, gap = total.policy.value, total.rules.value, total.difference
    result = earned(policy, currency)
    if total.is_by_rules:
        return f"In {periods} the rules decided and {result}{_learning_cost(gap, currency)}."
    if rules is None or gap.value is None:
        return f"In {periods} the decisions {result}; what the rules alone would have earned is not known."
    if direction(policy, currency) < 0 and direction(rules, currency) < 0:
        return _both_lost(policy, rules, gap, periods, currency)
    alone = would_have_earned(rules, currency)
    if gap.sign == 0:
        return f"In {periods} the decisions {result} and the rules alone {alone}: {CANNOT_TELL}."
    more = "more" if gap.sign > 0 else "less"
    distance = f"{money(abs(gap.value), currency)} {more} than the rules alone"
    if direction(policy, currency) == direction(rules, currency) == 1:
        return f"In {periods} the decisions {result}, {distance} would have earned."
    return f"In {periods} the decisions {result} where the rules alone {alone}."


def _learning_cost(gap: Estimate, currency: str) -> str:
    """What exploring took from the rules that it stood beside."""
    if gap.value is None:
        return ""
    if gap.sign < 0:
        return f", {money(abs(gap.value), currency)} less than they would have without exploring"
    return "; what exploring cost cannot be told from nothing" if gap.sign == 0 else ""


def _both_lost(policy: float | None, rules: float | None, gap: Estimate, periods: str, currency: str) -> str:
    losses = f"{money(abs(policy or 0), currency)} for the loop, {money(abs(rules or 0), currency)} for the rules"
    if gap.sign == 0:
        return f"Both lost money in {periods}: {losses}; {CANNOT_TELL}."
    less = "less" if gap.sign > 0 else "more"
    return (
        f"Both lost money in {periods}, and the loop lost {money(abs(gap.value or 0), currency)} {less} "
        "than the rules alone would have."
    )


def headline(use_case: UseCaseLines, money_lines: Sequence[PeriodMoney], batches: Sequence[BatchLine]) -> Headline:
    """The verdict and the sentences under it."""
    currency = use_case.currency
    seen, total = counted(money_lines), total_of(money_lines)
    sentences = (
        _uncertain(total, currency),
        _since_models(money_lines, currency),
        _losing_periods(seen, currency),
        _immature(money_lines),
    )
    how_long = duration([one.period for one in seen]) if seen else ""
    return Headline(
        verdict(total, how_long, currency),
        tuple(sentence for sentence in sentences if sentence),
        _scope(use_case, batches),
    )


def _scope(use_case: UseCaseLines, batches: Sequence[BatchLine]) -> str:
    rows = sum(batch.rows for batch in batches)
    if not rows:
        return ""
    choices = " and ".join(f"“{action.wording}”" for action in use_case.actions)
    where = f"{count_of(rows, 'decision')} in {count_of(len(batches), 'batch')}"
    return f"{capital(where)}, each a choice between {choices}."


def _uncertain(total: PeriodMoney | None, currency: str) -> str:
    if total is None or total.policy.low is None or total.policy.sign != 0:
        return ""
    return f"Whether the loop made money at all is not certain: its total is {span(total.policy, currency)}."


def _since_models(money_lines: Sequence[PeriodMoney], currency: str) -> str:
    periods = by_models(money_lines)
    total = total_of(periods)
    if total is None:
        return "So far the rules have decided; no model has." if counted(money_lines) else ""
    if len(periods) == len(counted(money_lines)):
        return ""
    when = stretch([one.period for one in periods])
    return capital(
        f"in the {duration([one.period for one in periods])} in which a model decided ({when}) "
        f"the loop {earned(total.policy.value, currency)} and the rules alone "
        f"{would_have_earned(total.rules.value, currency)}; {comparison(total.difference, currency)}."
    )


def _losing_periods(seen: Sequence[PeriodMoney], currency: str) -> str:
    lost = [
        one for one in seen if direction(one.policy.value, currency) < 0 and direction(one.rules.value, currency) < 0
    ]
    if not lost or len(lost) == len(seen):
        return ""
    when = capital(during([one.period for one in lost]))
    policy, rules = (
        money(abs(sum(values)), currency)
        for values in (
            [one.policy.value or 0.0 for one in lost],
            [one.rules.value or 0.0 for one in lost],
        )
    )
    return f"{when} both lost money: the loop {policy}, the rules {rules}."


def _immature(money_lines: Sequence[PeriodMoney]) -> str:
    names = [period_name(one.period) for one in money_lines if not one.is_mature]
    if not names:
        return ""
    return f"The outcomes of {listed(names)} are not complete yet and are not counted."
