"""The headline: the story in one sentence, the few that follow it, and how much it covers. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from decisionloop.report.record.claims import Claimed, Said, claims_of, over
from decisionloop.report.record.deciding import Deciding
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import BatchLine
from decisionloop.report.record.story import RULES, Headline, PeriodMoney, UseCaseLines
from decisionloop.report.record.totals import by_models, covered, total_of
from decisionloop.report.record.truth import TruthCheck
from decisionloop.report.words.figures import capital, count, count_of, day, in_words, listed, money, percent
from decisionloop.report.words.left_out import why_left_out
from decisionloop.report.words.legacy import Subject, subject_of, told_of
from decisionloop.report.words.missing import hangs_on
from decisionloop.report.words.money import (
    CANNOT_TELL,
    comparison,
    direction,
    earned,
    immature,
    is_unsure,
    losing_periods,
    money_claims,
    reach,
    span,
    would_have_earned,
)
from decisionloop.report.words.spans import duration, duration_within, during, is_run, names, stretch


def headline(
    use_case: UseCaseLines,
    money_lines: Sequence[PeriodMoney],
    batches: Sequence[BatchLine],
    truth: TruthCheck | None = None,
    caveats: Sequence[str] = (),
) -> Headline:
    """The verdict and the sentences under it; first of all that a replay knows better, where it does (``truth``).

    ``caveats`` may turn the verdict round, so they come next.
    """
    currency, deciding = use_case.currency, Deciding.of(batches)
    seen, total = covered(money_lines), total_of(money_lines)
    shaky = (not_held_sentence(truth) if truth else "", *caveats)
    before = (*shaky, _uncertain(total, currency))
    periods = (_since_models(money_lines, deciding, currency), losing_periods(seen, currency))
    after = (
        _carried_by_one(seen),
        immature(money_lines),
        _cannot_be_told(money_lines),
        _nothing_since(deciding),
    )
    told = verdict(total, _how_long(money_lines, deciding), currency)
    if total is None and _untold(money_lines):
        told = "What these decisions earned cannot be told from the outcomes that came."
    whole = Headline(
        Said(told, money_claims(seen)),
        tuple(sentence for sentence in (*before, *periods, *after) if sentence),
        _scope(use_case, deciding, money_lines),
        tuple(sentence for sentence in (*before, *after) if sentence),
        tuple(sentence for sentence in (*shaky, _carried_by_one(seen)) if sentence),
    )
    return _in_voice(whole, subject_of(money_lines))


def _in_voice(told: Headline, subject: Subject) -> Headline:
    """The headline as one of whoever's decisions they were."""
    verdict, *standfirst = told_of(subject, (told.verdict, *told.standfirst))
    doubts, against = told_of(subject, told.doubts), told_of(subject, told.against)
    return Headline(verdict, tuple(standfirst), told.scope, doubts, against)


def not_held_sentence(truth: TruthCheck) -> str:
    """That the page's own intervals missed what a replay knows, where fewer held it than they promise."""
    if not truth.is_short:
        return ""
    promised = f"{percent(truth.level)} of them should have"
    return Said(
        f"Do not rely on the intervals below: of {truth.tested:,} that the replay can check only {truth.held:,} held "
        f"the truth, where {promised}.",
        truth_claims(truth),
    )


def truth_claims(truth: TruthCheck) -> dict[str, Claimed]:
    """What is said of the intervals that a replay can check."""
    return {"truth.tested": truth.tested, "truth.held": truth.held}


def _how_long(money_lines: Sequence[PeriodMoney], deciding: Deciding) -> str:
    """The time that the verdict is about; where not all of it counts yet, it says so."""
    seen = [one.period for one in covered(money_lines)]
    if not seen:
        return ""
    if not _is_partial(money_lines, deciding):
        return f"the {duration(seen)} of which it can be told" if _untold(money_lines) else duration_within(seen)
    alone = "the one month" if len(seen) == 1 and len(seen[0]) == 7 else f"the {duration(seen)}"
    return f"{alone} whose outcomes are complete"


def _scope(use_case: UseCaseLines, deciding: Deciding, money_lines: Sequence[PeriodMoney]) -> str:
    if not deciding.decisions:
        return ""
    choices = listed([f"“{action.wording}”" for action in use_case.actions])
    where = f"{count_of(deciding.decisions, 'decision')} in {count_of(deciding.batches, 'batch')}"
    more = f" ({in_words(deciding.halted)} more {'was' if deciding.halted == 1 else 'were'} halted and decided nothing)"
    claims: dict[str, Claimed] = {
        "decisions": deciding.decisions,
        "batches.decided": deciding.batches,
        "batches.halted": deciding.halted,
    }
    told = f"{capital(where)}{more if deciding.halted else ''}, each a choice between {choices}."
    withdrawn, behind = _withdrawn(deciding), _behind_the_money(deciding, money_lines)
    sentences = [one for one in (told, behind, withdrawn) if one]
    return Said(" ".join(sentences), {**claims, **claims_of(withdrawn), **claims_of(behind)})


def _withdrawn(deciding: Deciding) -> str:
    """How many more were logged and are no decisions, for their people were answered one at a time meanwhile."""
    if not deciding.withdrawn:
        return ""
    return withdrawn_sentence(deciding.withdrawn)


def withdrawn_sentence(withdrawn: int) -> str:
    """Who was logged by a batch and is not counted, and why."""
    was = "was" if withdrawn == 1 else "were"
    told = f"{capital(in_words(withdrawn))} more {was} withdrawn before anything left, and not counted"
    why = "who was answered one at a time meanwhile keeps that answer"
    return Said(f"{told}: {why}.", {"decisions.withdrawn": withdrawn})


def _behind_the_money(deciding: Deciding, money_lines: Sequence[PeriodMoney]) -> str:
    """How many of the decisions the money counts, where it is not all of them, and what the others are."""
    total = total_of(money_lines)
    if total is None or not 0 < total.decisions < deciding.decisions:
        return ""
    others = "given something else than the rules give, by a fault, a limit or a switch"
    if total.left_out:
        others = f"given for certain something else than the rules give ({why_left_out(total.left_out)})"
    untold = _untold(money_lines)
    if untold:
        others += f", or are of {names(untold)}, of which it cannot be told"
    young, left = deciding.young, deciding.decisions - deciding.young - total.decisions
    if _is_partial(money_lines, deciding) and not young:
        others += ", or their outcomes are not complete yet"
    waiting = f"; of {count(young)} the outcomes are not complete yet" if young else ""
    rest = f"; the others were {others}" if left > 0 else ""
    counts = f"The money counts {count(total.decisions)} of them{waiting}{rest}."
    return Said(counts, {"money.decisions": total.decisions} | ({"decisions.young": young} if young else {}))


def _is_partial(money_lines: Sequence[PeriodMoney], deciding: Deciding) -> bool:
    """Whether some of what was decided lies in periods whose outcomes are not complete yet."""
    complete = {one.period[:7] for one in money_lines if one.is_mature}
    is_any_young = any(not one.is_mature for one in money_lines) or deciding.young > 0
    return is_any_young or not deciding.months <= complete


def _untold(money_lines: Sequence[PeriodMoney]) -> list[str]:
    """The periods whose outcomes are complete and that no total counts, for they do not tell what was earned."""
    told = {one.period for one in covered(money_lines)}
    return [one.period for one in money_lines if one.is_mature and one.period not in told]


def _cannot_be_told(money_lines: Sequence[PeriodMoney]) -> str:
    left_out, known = _untold(money_lines), {one.period for one in money_lines if one.policy.is_known}
    by_loop, beside_rules = ([one for one in left_out if (one in known) == is_known] for is_known in (False, True))
    told = [f"What {names(by_loop)} earned cannot be told from what came, and is not counted."] if by_loop else []
    if beside_rules:
        told.append(f"What {names(beside_rules)} earned cannot be compared with the rules, and is not counted.")
    return " ".join(told)


def _nothing_since(deciding: Deciding) -> str:
    """That nothing was decided after some day, where the last batches were all halted."""
    if not deciding.halted_since:
        return ""
    were = "the batch after it was" if deciding.halted_since == 1 else "the batches after it were all"
    if deciding.last_on is None:
        return "Nothing has been decided: every batch was halted."
    return f"Nothing has been decided since {day(deciding.last_on)}: {were} halted."


def _uncertain(total: PeriodMoney | None, currency: str) -> str:
    if total is None or not is_unsure(total.policy):
        return ""
    if total.policy.is_sign_open:
        possible = span(total.policy.at_the_bounds, currency)
        return (
            "Whether the loop made money at all hangs on outcomes that have not come: whatever they are, its total is "
            f"{possible}."
        )
    return f"Whether the loop made money at all is not certain: its total is {span(total.policy, currency)}."


def _since_models(money_lines: Sequence[PeriodMoney], deciding: Deciding, currency: str) -> str:
    periods = by_models(money_lines)
    total = total_of(periods)
    if total is None:
        return _no_model_counted(money_lines, deciding)
    if len(periods) == len(covered(money_lines)):
        return ""
    months = [one.period for one in periods]
    when = stretch(months) if is_run(months) else names(months)
    in_part = [one.period for one in periods if RULES in one.decided_by]
    partly = f"; {during(in_part)} only in part" if in_part else ""
    told = capital(
        f"in the {duration(months)} in which a model decided ({when}{partly}) "
        f"the loop {earned(total.policy.value, currency)} and the rules alone "
        f"{would_have_earned(total.rules.value, currency)}; {comparison(total.difference, currency)}."
    )
    return Said(told, money_claims(periods))


def _carried_by_one(seen: Sequence[PeriodMoney]) -> str:
    """The one period without which nobody could say who was ahead; "" where there is no such or the rules decided."""
    total = total_of(seen)
    if total is None or total.is_by_rules or not total.difference.sign or len(seen) < 2:
        return ""
    sign = total.difference.sign
    carrier = max(seen, key=lambda one: sign * (one.difference.value or 0.0))
    others = total_of([one for one in seen if one is not carrier])
    if others is None or others.difference.sign:
        return ""
    claim = {f"money.difference{over(one.period for one in seen if one is not carrier)}": others.difference}
    return Said(f"Without {names([carrier.period])} the data cannot tell whether the loop earned more.", claim)


def _no_model_counted(money_lines: Sequence[PeriodMoney], deciding: Deciding) -> str:
    """Whether no model has decided, or none of what one decided can be counted yet."""
    if deciding.by_model_on is not None:
        return f"A model first decided on {day(deciding.by_model_on)}; no outcomes of its decisions are complete yet."
    if any(one.is_by_model for one in money_lines):
        return "A model has decided; no outcomes of its decisions are complete yet."
    return "So far the rules have decided; no model has." if any(one.is_by_rules for one in money_lines) else ""


def verdict(total: PeriodMoney | None, periods: str, currency: str) -> str:
    """The story in one sentence. ``periods`` is how long it took, such as "five months"."""
    if total is None or not total.policy.is_known:
        return "It is too early to say what these decisions earned."
    policy, rules, gap = total.policy.value, total.rules.value, total.difference
    result = earned(policy, currency)
    if total.is_by_rules:
        return f"In {periods} the rules decided and {result}{_learning_cost(gap, currency)}."
    if rules is None:
        return f"In {periods} the decisions {result}; what the rules alone would have earned is not known."
    if gap.value is None:
        alone = would_have_earned(rules, currency)
        return f"In {periods} the decisions {result} and the rules alone {alone}; {comparison(gap, currency)}."
    if direction(policy, currency) < 0 and direction(rules, currency) < 0:
        return _both_lost(policy, rules, gap, periods, currency)
    alone = would_have_earned(rules, currency)
    if gap.sign == 0:
        return f"In {periods} the decisions {result} and the rules alone {alone}: {CANNOT_TELL}."
    more = "more" if gap.sign > 0 else "less"
    distance = f"{money(abs(gap.value), currency)} {more} than the rules alone"
    open_end = hangs_on(gap, "less" if gap.sign > 0 else "more", currency)
    if direction(policy, currency) == direction(rules, currency) == 1:
        sure = reach(gap, currency)
        return f"In {periods} the decisions {result}, {distance} would have earned ({sure}){open_end}."
    return f"In {periods} the decisions {result} where the rules alone {alone}{open_end}."


def _learning_cost(gap: Estimate, currency: str) -> str:
    """What exploring took from the rules that it stood beside."""
    if gap.value is None or gap.is_nothing:
        return ""
    if gap.sign < 0:
        less = f", {money(abs(gap.value), currency)} less than they would have without exploring"
        return less + hangs_on(gap, "more", currency)
    if gap.sign == 0:
        what = "cost" if gap.value < 0 else "brought"
        return f"; exploring {what} {money(abs(gap.value), currency)}, which may be chance"
    return ""


def _both_lost(policy: float | None, rules: float | None, gap: Estimate, periods: str, currency: str) -> str:
    losses = f"{money(abs(policy or 0), currency)} for the loop, {money(abs(rules or 0), currency)} for the rules"
    if gap.sign == 0:
        return f"Both lost money in {periods}: {losses}; {CANNOT_TELL}."
    less, otherwise = ("less", "more") if gap.sign > 0 else ("more", "less")
    return (
        f"Both lost money in {periods}, and the loop lost {money(abs(gap.value or 0), currency)} {less} "
        f"than the rules alone would have ({reach(gap, currency)}){hangs_on(gap, otherwise, currency)}."
    )
