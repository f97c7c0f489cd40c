"""Sentences about another system, beside which the loop looks on, and whose doing everything told of it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from decisionloop.report.record.claims import Said, claims_of
from decisionloop.report.record.legacy import AgreementLine, BesideMoney, LegacyLines
from decisionloop.report.record.story import OTHERS, PeriodMoney, UseCaseLines
from decisionloop.report.words.figures import capital, count, count_of, fine_money, listed, percent
from decisionloop.report.words.money import whatever_comes

Subject = Literal["the loop", "the other system", "what was done"]
WHY_UNTOLD = "nobody knows with which chance the other system draws"


def subject_of(periods: Sequence[PeriodMoney]) -> Subject:
    """Whose doing the money of the periods is: what another system earned, the loop did not."""
    observed = [OTHERS in one.decided_by for one in periods]
    if not any(observed):
        return "the loop"
    is_all = all(set(one.decided_by) == {OTHERS} for one in periods)
    return "the other system" if is_all else "what was done"


def told_of(subject: Subject, sentences: Iterable[str]) -> tuple[str, ...]:
    """Sentences that are worded of the loop as sentences of whoever it was; they go on claiming what they claim."""
    return tuple(_of(subject, one) for one in sentences)


def _of(subject: Subject, sentence: str) -> str:
    if subject == "the loop":
        return sentence
    text = sentence.replace("the loop", subject).replace("The loop", capital(subject))
    if subject == "the other system":
        text = text.replace("the decisions ", "the other system's decisions ")
    return Said(text, claims_of(sentence))


def agreement_sentence(one: AgreementLine, use_case: UseCaseLines) -> str:
    """How often somebody would have done the same, and of what was done how often."""
    parts = [
        f"{percent(agreed / n)} of the {count(n)} that took “{use_case.wording(action)}”"
        for action, n, agreed in one.by_action
    ]
    whole = (
        f"{capital(one.who)} would have done the same in {percent(one.share)} of {count_of(one.decisions, 'decision')}"
    )
    return f"{whole}: {listed(parts)}."


def money_sentence(one: BesideMoney, currency: str, unknown: int) -> str:
    """What somebody would have earned beside what was earned, or why that cannot be told."""
    why = _why(one, unknown)
    gain = one.gain
    if gain.value is None or gain.low is None or gain.high is None:
        return f"What {one.who} would have earned cannot be told, because {why}."
    more = "more" if gain.value >= 0 else "less"
    ends = sorted((gain.low, gain.high)) if gain.value >= 0 else sorted((-gain.low, -gain.high))
    reach = f"{fine_money(ends[0], currency)} to {fine_money(ends[1], currency)}"
    where = "" if one.told == one.decisions else f" in the {count(one.told)} of {count_of(one.decisions, 'decision')}"
    rest = "" if one.told == one.decisions else f" where it can be told; of the others it cannot, because {why}"
    bounds = gain.at_the_bounds
    missing = ""
    if bounds.low is not None and bounds.high is not None:
        between = f"{fine_money(bounds.low, currency)} to {fine_money(bounds.high, currency)} more"
        missing = f"; {whatever_comes(between)}"
    amount = fine_money(abs(gain.value), currency)
    return f"{capital(one.who)} would have earned {amount} a decision {more} ({reach}{missing}){where}{rest}."


def _why(one: BesideMoney, unknown: int) -> str:
    if one.untold and unknown:
        rest = count_of(one.decisions - one.told, "decision")
        return (
            f"{WHY_UNTOLD}, and in {count(one.untold)} of {rest} another action would have been taken, whose outcome "
            "nobody has seen"
        )
    return "too few outcomes tell the two apart, or what would change was hardly ever tried"


def left_out_sentence(why: str, many: int, remedy: str) -> str:
    """Decisions of which nobody can tell what was done."""
    return f"{capital(count_of(many, 'decision'))} left out, with {why}. {remedy}"


def legacy_sentences(lines: LegacyLines, use_case: UseCaseLines) -> Iterator[str]:
    """Everything about another system: whose the decisions are, agreement, money, what was left out."""
    yield (
        f"{capital(OTHERS)} made {count_of(lines.decisions, 'decision')}; nothing was sent, explored or held out, and "
        "what they earned is its doing."
    )
    if lines.unknown:
        of = "all" if lines.unknown == lines.decisions else count(lines.unknown)
        yield (
            f"{capital(WHY_UNTOLD)} in {of} of them: of what other actions would have brought nothing is claimed but "
            "where it is known without."
        )
    yield from (agreement_sentence(one, use_case) for one in lines.agreements)
    yield from (money_sentence(one, use_case.currency, lines.unknown) for one in lines.money)
    yield from (left_out_sentence(*one) for one in lines.left_out)
