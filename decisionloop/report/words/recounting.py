"""Sentences that recount one decision, the batches, their data, and what only a replay knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from decisionloop.act.legacy import LEGACY
from decisionloop.act.situation import DEFAULT_FOR_ALL, KILL_SWITCH, ROLLED_BACK, is_free_to_explore, is_of_policy
from decisionloop.report.record.claims import Claimed, Said
from decisionloop.report.record.deciding import Deciding
from decisionloop.report.record.lines import BatchLine, DataQualitySummary, ReleaseEventLine, WorkedDecision
from decisionloop.report.record.story import PeriodMoney, PeriodTruth, UseCaseLines
from decisionloop.report.record.truth import TruthCheck, check_truth
from decisionloop.report.words.figures import capital, count_of, in_words, money, number, percent
from decisionloop.report.words.headline import truth_claims
from decisionloop.report.words.money import earned, would_have_earned


def propensity_sentence(worked: WorkedDecision, noun: str) -> str:
    """The probability of the chosen action, in words."""
    if worked.role == LEGACY:
        known = "with which chance nobody knows" if worked.propensity is None else "drawing"
        return f"Another system decided, {known}."
    p = worked.propensity or 0.0
    if worked.role == "holdout":
        return f"This {noun} belongs to the holdout: the rules always decide, and nothing is drawn."
    if p >= 1:
        return f"Nothing was drawn: {_why_alone(worked.fallback_reason)}."
    many, of = (round(p * 100), "100") if p >= 0.01 else (round(p * 1000), "1,000")
    often = "less than once in 1,000 times" if many == 0 else f"{'once' if many == 1 else f'{many} times'} in {of}"
    if worked.role == "exploration":
        return f"The same {noun} is treated so only {often}, to see what happens."
    return f"The same {noun} is treated so {often}; otherwise another action is drawn, to keep learning."


_BY_PEOPLE = {
    KILL_SWITCH: "the kill switch was on, so the rules decided",
    ROLLED_BACK: "the model had been rolled back, so the rules decided",
    DEFAULT_FOR_ALL: "by the kill switch everybody got the default action",
}


def _why_alone(fallback_reason: str | None) -> str:
    """Why there was nothing to draw from, by the logged reason of falling back."""
    if is_free_to_explore(fallback_reason):
        return "only one action was open"
    if is_of_policy(fallback_reason):
        return "the budget of the period was spent, and nothing else could be paid"
    first = str(fallback_reason).partition("; ")[0]
    return _BY_PEOPLE.get(first) or f"whoever falls back takes one action ({fallback_reason})"


def choice_sentence(worked: WorkedDecision, use_case: UseCaseLines) -> str:
    """What was chosen and what the rules would have chosen."""
    chosen, by_rules = use_case.wording(worked.action), use_case.wording(worked.rules_action)
    if worked.role == "exploration":
        instead = f", where the rules would have chosen “{by_rules}”" if worked.action != worked.rules_action else ""
        return f"Exploration drew “{chosen}”{instead}."
    if not worked.rules_action or worked.role in {"baseline", "holdout"}:  # it was the rules that chose
        return f"{capital(worked.release)} chose “{chosen}”."
    if worked.action == worked.rules_action:
        return f"{capital(worked.release)} chose “{chosen}”, as the rules would have."
    return f"{capital(worked.release)} chose “{chosen}”. The rules would have chosen “{by_rules}”."


def outcome_sentence(worked: WorkedDecision, use_case: UseCaseLines) -> str:
    """What happened then, and what it was worth."""
    if worked.outcome_class is None and worked.outcome_amount is None:
        return "What happened then has not been seen."
    seen = []
    if worked.outcome_class is not None:
        seen.append(f"“{use_case.outcome}”: {'yes' if worked.outcome_class else 'no'}")
    if worked.outcome_amount is not None:
        seen.append(f"amount {number(worked.outcome_amount)}")
    result = "" if worked.money is None else f" The decision {earned(worked.money, use_case.currency)}."
    return f"What happened then: {', '.join(seen)}.{result}"


def batches_sentence(batches: Sequence[BatchLine]) -> str:
    """How the batches went."""
    halted = [batch for batch in batches if batch.state == "halted"]
    unfinished = [batch for batch in batches if batch.state not in {"halted", "complete", "covered"}]
    warned = sum(bool(batch.warnings) for batch in batches)
    first = f"{capital(count_of(len(batches), 'batch'))}"
    if not halted and not unfinished:
        first += ", all completed" if len(batches) > 1 else ", completed"
    if halted:
        first += f", {in_words(len(halted))} halted before anything left"
    if unfinished:
        first += f", {in_words(len(unfinished))} not finished"
    deciding = Deciding.of(batches)
    claims: dict[str, Claimed] = {"batches.decided": deciding.batches, "batches.halted": len(halted)}
    return Said(f"{first}; {in_words(warned) if warned else 'none'} with warnings.", claims)


def quality_sentence(quality: DataQualitySummary) -> str:
    """How much was checked and what failed."""
    first = f"{count_of(quality.checks, 'check')} on {count_of(quality.batches, 'batch')}"
    if not quality.failed:
        return f"{capital(first)}: all passed."
    failed = sum(one.batches for one in quality.failed)
    sent = count_of(quality.rows_to_rules, "row")
    rows = f" {capital(sent)} went to the rules because of a fault." if quality.rows_to_rules else ""
    return f"{capital(first)}: {in_words(failed)} did not pass.{rows}"


_STAGES = {"champion": "decides", "shadow": "into shadow", "canary": "on trial", "baseline": "stands by"}


def steps(events: Sequence[ReleaseEventLine]) -> tuple[ReleaseEventLine, ...]:
    """The events of a release on one day as one step, with the last reason: candidate, then refused."""
    merged: dict[tuple[date, str], ReleaseEventLine] = {}
    for event in events:
        before = merged.get((event.on, event.release))
        stage = _STAGES.get(event.stage, event.stage.replace("_", " "))
        said = f"{before.stage}, then {stage}" if before else stage
        merged[event.on, event.release] = replace(event, stage=said)
    return tuple(merged.values())


def truth_sentences(
    truth: Sequence[PeriodTruth], money_lines: Sequence[PeriodMoney], use_case: UseCaseLines, level: float = 0.95
) -> tuple[str, ...]:
    """What only the replay knows, and whether the loop's own intervals, of confidence ``level``, held it."""
    sums = {
        name: sum(values) if all(value is not None for value in values) else None
        for name in ("policy", "rules", "everyone", "hindsight")
        for values in [[getattr(one, name) for one in truth]]
    }
    currency = use_case.currency
    others = [action.wording for action in use_case.actions if not action.is_default]
    everyone = f"“{use_case.for_everyone or others[0]}”" if others else "the same action"
    is_estimated = any(one.is_estimated for one in truth)
    reach = {
        name: _give_or_take(math.hypot(*(getattr(one, f"{name}_error") for one in truth)), currency)
        if is_estimated
        else ""
        for name in ("policy", "rules", "everyone")
    }
    how = "As the recorded experiment estimates it" if is_estimated else "In truth"
    first = (
        f"{how} the loop {earned(sums['policy'], currency)}{reach['policy']} and the rules alone "
        f"{would_have_earned(sums['rules'], currency)}{reach['rules']}. Choosing {everyone} for everyone "
        f"{would_have_earned(sums['everyone'], currency)}{reach['everyone']}"
        f"{_foresight(sums['hindsight'], currency)}."
    )
    left_out = sum(one.unrecorded_n for one in truth)
    without = (
        f"That leaves out {count_of(left_out, 'decision')} of which no outcome was ever recorded, so no period with "
        "one can check an interval."
    )
    held = _held_sentence(check_truth(truth, money_lines, level))
    return (first, without, held) if left_out else (first, held)


def _give_or_take(error: float, currency: str) -> str:
    """How far off an estimate may be, in 95 % of cases."""
    return f" (give or take {money(error, currency)})" if error else ""


def _foresight(amount: float | None, currency: str) -> str:
    """What the best action for each would have earned; nothing where each outcome is known of one action only."""
    return "" if amount is None else f"; perfect foresight {would_have_earned(amount, currency)}"


def _held_sentence(check: TruthCheck) -> str:
    if not check.tested:
        return (
            "How far the loop's own figures may be off (their intervals) cannot be checked by this: in no complete "
            "period is there both such an interval and a truth to hold it against."
        )
    told = f"Of the loop's {in_words(check.tested)} estimates with an interval, {in_words(check.held)} held the truth"
    short = f": fewer than the {percent(check.level)} that they promise, beyond chance" if check.is_short else ""
    return Said(f"{told}{short}.", truth_claims(check))
