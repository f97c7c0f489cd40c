"""The gate's first check: does the candidate surely earn more than the champion, net of what it costs to serve?

Where evidence accumulates the answer is yes once it is proven, no where it surely never will be or its time is over,
and open until then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from decisionloop.contract.currency import symbol
from decisionloop.learn.comparison import Progress
from decisionloop.learn.gate_checks import Check, GateEvidence, GateRules
from decisionloop.learn.gate_missing import hangs_on_missing, missing_words
from decisionloop.observe.estimate import normal_quantile
from decisionloop.observe.overlap import judge_overlap

LOSES_LATELY = "What came of its trial lately is sure that it earns no more than the champion."
SURELY_LOSES = "It surely earns no more than the champion: betting on what the champion earns more has proven it."
LEAST_TOLD = 0.01
"""A cost of a thousand decisions, and a share of a gain, below which no reader wants the digits."""


def check_money(evidence: GateEvidence, rules: GateRules) -> Check:
    """Lower bound of the paired difference, net of serving, above the minimum gain; "cannot say" where overlap is poor.

    What the candidate costs more to serve is taken off its gain. What it costs less is said and not counted: it is
    counted work at a calibrated price, and nobody is promoted for that.
    """
    money, required = evidence.money, rules.required_gain(evidence.money.n)
    if _loses_lately(evidence, required):
        return Check("money", False, None, required, LOSES_LATELY)
    rules = _with_time_left(evidence, rules, required)
    overlap = judge_overlap(evidence.overlap, rules.overlap_rules)
    is_untried_borne = not overlap.is_sufficient and _bears_what_was_never_tried(evidence, rules, required)
    if not (overlap.is_sufficient or is_untried_borne) or money.value is None or money.low is None:
        if _surely_loses(evidence, rules, required):
            return Check("money", False, None, required, SURELY_LOSES)
        reason = overlap.reason if not overlap.is_sufficient else f"The gain cannot be told: {money.reason}."
        # What bets have proven already is not refused for its time being over: it waits for a log that can answer.
        is_over = rules.is_accumulating and rules.is_last_look and not _is_proven(evidence)
        return Check("money", False if is_over else None, None, required, reason)
    charged = max(evidence.serving_cost or 0.0, 0.0)
    served = missing_words(evidence, rules) + _serving_sentence(evidence.serving_cost, money.value, rules.currency)
    if is_untried_borne:
        share = f"{evidence.overlap.unsupported_share:.1%}"
        served += f" Of what would change {share} was never tried: it counts as the worst that it could be."
    if evidence.progress is not None and evidence.progress.is_of_trial:
        served += " That is of the decisions since it has been on trial."
    if evidence.judged_since:
        served += f" Judged on what came since {evidence.judged_since}, taken for the day on which the world changed."
    low = money.low - charged
    if money.value == money.low == 0.0:
        why = f" The rules would stand in for it: {evidence.unkept}" if evidence.unkept else ""
        sentence = f"It decides exactly like the champion, so it adds nothing.{served}{why}"
    else:
        sentence = _money_sentence(money.value - charged, low, required, rules) + served
    if low > required or not rules.is_accumulating:
        return Check("money", low > required, low, required, sentence)
    most = money.high if evidence.progress is None else evidence.progress.most
    is_hopeless = most is not None and most - charged <= required
    answer = False if is_hopeless or rules.is_last_look else None
    outlook = (
        ""
        if money.value == money.low == 0.0
        else f" {hangs_on_missing(evidence) or _outlook(evidence.progress, is_hopeless, rules)}"
    )
    return Check("money", answer, low, required, f"{sentence}{outlook}")


def _loses_lately(evidence: GateEvidence, required: float) -> bool:
    """Whether the newest cohorts of its trial speak against it, whatever earlier ones have come to."""
    charged = max(evidence.serving_cost or 0.0, 0.0)
    return evidence.of_trial is not None and evidence.of_trial.is_losing(required + charged)


def _with_time_left(evidence: GateEvidence, rules: GateRules, required: float) -> GateRules:
    """The rules for who is on trial and gains there: it goes on without a proof, as nobody is surer to earn more."""
    charged = max(evidence.serving_cost or 0.0, 0.0)
    is_gaining = rules.may_go_on and evidence.of_trial is not None and evidence.of_trial.is_gaining(required + charged)
    return replace(rules, is_last_look=rules.is_last_look and not is_gaining)


def _surely_loses(evidence: GateEvidence, rules: GateRules, required: float) -> bool:
    """Whether bets prove that it earns no more though too little is known to say how much it earns.

    Bets hold at any number of outcomes, and count actions that could not have been taken as the best that they could
    be; what they cannot do without are propensities that are right.
    """
    few = replace(rules.overlap_rules, minimum_effective_n=0.0, maximum_weight_share=1.0, maximum_unsupported_share=1.0)
    if not rules.is_accumulating or evidence.progress is None or evidence.progress.most is None:
        return False
    most = evidence.progress.most - max(evidence.serving_cost or 0.0, 0.0)
    return judge_overlap(evidence.overlap, few).is_sufficient and most <= required


def _bears_what_was_never_tried(evidence: GateEvidence, rules: GateRules, required: float) -> bool:
    """Whether a gain is proven by bets though more than a little of what would change was never tried.

    They count that as the worst that it could be (`observe.paired_gains`), so that nothing needs to be known of it. A
    single look does not.
    """
    any_share = replace(rules.overlap_rules, maximum_unsupported_share=1.0)
    if not rules.is_accumulating or evidence.progress is None or evidence.money.low is None:
        return False
    low = evidence.money.low - max(evidence.serving_cost or 0.0, 0.0)
    return judge_overlap(evidence.overlap, any_share).is_sufficient and _is_proven(evidence) and low > required


def _is_proven(evidence: GateEvidence) -> bool:
    """Whether betting has made what proves the gain."""
    return evidence.progress is not None and evidence.progress.is_proven


def _outlook(progress: Progress | None, is_hopeless: bool, rules: GateRules) -> str:
    """What is to be expected of a gain that is not proven."""
    if is_hopeless:
        return "It surely does not earn more, so nothing is to be waited for."
    far = "" if progress is None else f": {_how_far(progress)}"
    words = "That is not proven in the time that it has" if rules.is_last_look else "The next outcomes may tell"
    return f"{words}{far}."


def _how_far(progress: Progress) -> str:
    """How much of a proof there is: bets multiply, so that it is the logarithm of the capital which adds up to it."""
    if progress.capital < 1:
        return "so far betting on it would have lost"
    if progress.capital == 1:
        return "so far no outcome speaks for it or against it"
    share = math.log(progress.capital) / math.log(progress.required)
    return f"so far there is {max(1, math.floor(100 * share))}% of the proof that is needed"


def is_untold(contenders: Sequence[GateEvidence]) -> bool:
    """Whether nobody can tell the money of any of them, for want of propensities."""
    return any(one.overlap.unknown_n for one in contenders)


def most_skilled(contenders: Sequence[GateEvidence]) -> int:
    """Which of several ranks best, where the money of none can be told; of equals the one that departs least."""

    def skill(one: GateEvidence) -> tuple[float, bool]:
        return (-1.0 if one.auc is None or one.auc.value is None else one.auc.value, one.deciding_share is not None)

    return max(range(len(contenders)), key=lambda i: skill(contenders[i]))


def surest(contenders: Sequence[GateEvidence], confidence: float) -> int:
    """Which of several candidates of one training goes on: the one that surely earns most, at a one-sided confidence.

    That of the look that decides, and not the best guess: of two candidates that seem to earn alike, the one whose gain
    the log is surer of passes that look and does less harm. Where they tie it is the one that is kept within its
    support. The distance from an estimate to its bound grows with the confidence as the normal quantile does.
    """

    def sure(evidence: GateEvidence) -> tuple[float, bool]:
        money = evidence.money
        if money.value is None or money.low is None:
            return -math.inf, evidence.deciding_share is not None
        wider = normal_quantile(2 * confidence - 1) / normal_quantile(money.confidence)
        charged = max(evidence.serving_cost or 0.0, 0.0)
        return money.value - wider * (money.value - money.low) - charged, evidence.deciding_share is not None

    return max(range(len(contenders)), key=lambda one: sure(contenders[one]))


def _serving_sentence(cost: float | None, gain: float, currency: str) -> str:
    """What serving it costs besides, a thousand decisions at a time; empty where nothing is priced.

    What is under a hundredth of the currency, and of the ``gain``, is not counted out in digits: it is still taken off.
    """
    if cost is None:
        return ""
    if cost == 0:
        return " Serving it costs the same, as its work is counted."
    if 1000 * abs(cost) < LEAST_TOLD and abs(cost) < LEAST_TOLD * (abs(gain) or math.inf):
        least = f"{symbol(currency)}{LEAST_TOLD}"
        return f" Serving it costs practically the same: less than {least} apart per 1,000 decisions."
    amount = f"{symbol(currency)}{_significant(1000 * abs(cost))} {'more' if cost > 0 else 'less'} per 1,000 decisions"
    counted = "this is net of it" if cost > 0 else "that is not counted as a gain"
    return f" Serving it costs {amount}; {counted}."


def _significant(amount: float) -> str:
    """A positive amount with two decimals, or as many as two of its digits need: 12.30, 0.0042."""
    decimals = 2 if amount >= 1 else 1 - math.floor(math.log10(amount))
    return f"{amount:,.{min(decimals, 12)}f}"


def _money_sentence(value: float, low: float, required: float, rules: GateRules) -> str:
    def money(amount: float) -> str:
        digits = 2 if amount == 0 or abs(amount) >= 1 else 4
        return f"{'-' if amount < 0 else ''}{symbol(rules.currency)}{abs(amount):,.{digits}f}"

    word = "more" if value >= 0 else "less"
    claim = f"It earns an estimated {money(abs(value))} {word} per decision than the champion"
    sure = f"with {confidence_words(rules.confidence)} confidence the difference is at least {money(low)}"
    if low > required:
        return f"{claim}; {sure} (required: more than {money(required)})."
    if rules.is_accumulating:
        return f"{claim}, but that is not proven: {sure}, and more than {money(required)} is required."
    z = normal_quantile(rules.interval_confidence)
    detectable = required + (value - low) * (1 + normal_quantile(0.6) / z)
    found = f"With these decisions only a gain of about {money(detectable)} would be found reliably (8 times in 10)."
    wanted = f"more than {money(required)} more is required"
    if value < 0:
        most = f"with {confidence_words(rules.confidence)} confidence it earns no more than {money(-low)} less"
        return f"{claim}; {most}, and {wanted}. {found}"
    return f"{claim}, but that is not sure enough: {sure}, and more than {money(required)} is required. {found}"


def confidence_words(confidence: float) -> str:
    """A confidence with as many digits as tell it from certainty: 90 %, 98.8 %, 99.93 %."""
    if confidence >= 1:
        return "100%"
    digits = max(0, math.ceil(-math.log10(1 - confidence) - 1 - 1e-9))
    return f"{round(100 * confidence, digits):.10g}%"
