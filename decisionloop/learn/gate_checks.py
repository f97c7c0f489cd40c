"""The gate's single checks: each a number against a limit, and a sentence for somebody who is no statistician."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from decisionloop.contract.currency import symbol
from decisionloop.learn.comparison import Progress
from decisionloop.learn.gate_slices import SliceGain
from decisionloop.learn.money_of_trial import MoneyOfTrial
from decisionloop.learn.serving import LatencyEvidence
from decisionloop.learn.soundness import Soundness
from decisionloop.monitor.impact.adverse_impact import AdverseImpact, GroupImpact
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.overlap import Overlap, OverlapRules

CheckName = Literal["money", "skill", "auc", "calibration", "adverse_impact", "slices", "latency", "parity", "reasons"]


@dataclass(frozen=True)
class Check:
    """One check: ``is_passed`` None means that the evidence cannot say. ``observed`` is what met ``required``."""

    name: CheckName
    is_passed: bool | None
    observed: float | None
    required: float | None
    reason: str


@dataclass(frozen=True)
class GateRules:
    """What a candidate must show. None as a limit means that it is not asked for.

    confidence                 one-sided, of the money bound
    candidates                 how many candidates compete for the same promotion; the error is divided among them
    minimum_gain_per_decision  currency per decision that the candidate must surely add
    minimum_gain_total         the same over all decisions of the log; the stricter of the two counts
    minimum_auc                lower AUC bound that shows skill; None where the outcome has no class
    maximum_auc_loss           AUC that it may lose against a champion that is a model
    maximum_slice_loss         currency per decision of a slice that it may earn less there
    maximum_latency_ms         time for one decision
    is_ranked_by_gain          the action is a model input: skill is the worth of ranking by gain, not the outcome's AUC
    is_accumulating            more evidence may come: money that is not proven yet goes on, unless it surely never is
    is_last_look               what is not proven by now is refused
    may_go_on                  but for who is on trial and gains there
    """

    currency: str
    confidence: float = 0.9
    candidates: int = 1
    minimum_gain_per_decision: float = 0.0
    minimum_gain_total: float | None = None
    minimum_effective_n: float = 100.0
    maximum_weight_share: float = 0.05
    maximum_unsupported_share: float = 0.01
    minimum_auc: float | None = 0.5
    maximum_auc_loss: float | None = 0.02
    maximum_calibration_error: float | None = 0.05
    minimum_adverse_impact_ratio: float = 0.8
    maximum_slice_loss: float = 0.0
    maximum_latency_ms: float | None = 100.0
    is_ranked_by_gain: bool = False
    is_accumulating: bool = False
    is_last_look: bool = False
    may_go_on: bool = True

    @property
    def interval_confidence(self) -> float:
        """Confidence of the two-sided interval whose lower end is the gate's bound."""
        return 1 - 2 * (1 - self.confidence) / self.candidates

    @property
    def overlap_rules(self) -> OverlapRules:
        """The limits on what a log may be asked."""
        return OverlapRules(self.minimum_effective_n, self.maximum_weight_share, self.maximum_unsupported_share)

    def required_gain(self, decisions: int) -> float:
        """Gain per decision that must surely be exceeded, for a log of so many decisions."""
        total = self.minimum_gain_total
        if total is None or decisions == 0:
            return self.minimum_gain_per_decision
        return max(self.minimum_gain_per_decision, total / decisions)


@dataclass(frozen=True)
class ImpactComparison:
    """Adverse impact on one group under the candidate, and under the champion where it is known."""

    challenger: GroupImpact
    champion: GroupImpact | None

    @staticmethod
    def of(challenger: AdverseImpact, champion: AdverseImpact | None) -> tuple[ImpactComparison, ...]:
        """Pair the groups of one attribute by name."""
        others = {group.group: group for group in champion.groups} if champion else {}
        return tuple(ImpactComparison(group, others.get(group.group)) for group in challenger.groups)


@dataclass(frozen=True)
class GateEvidence:
    """What is known of a candidate.

    ``money``: paired difference to the champion per decision, at ``GateRules.interval_confidence``, and the
    ``overlap`` behind it. ``champion_auc`` None: the champion is the rules. ``adverse_impact`` empty: the contract
    names no protected attribute. ``latency`` None: not measured. ``serving_cost``: money a decision that serving
    the candidate costs more (negative: less) than serving the champion, by counted work; None where the contract sets
    no price. ``gain_ranking``: money a decision that ranking by predicted gain is worth, where the action is a model
    input. ``leak``: why the candidate may know the outcome, "" where nothing says so. ``deciding_share``: share of the
    decisions in which the log supports another action than the rules', None where the candidate may decide everywhere;
    AUC and calibration are of these. ``unkept``: why the rules would stand in for it, where it would decide nothing
    because the constraints cannot be kept. ``progress``: of a comparison that goes on from look to look; ``money`` then
    holds at all of them. ``judged_since``: the day of a change of the world, where only what came since was looked at.
    ``slices``: the money in each slice of the contract. ``soundness``: on rows kept with it, None where none were.
    ``of_trial``: what its trial has brought, told plainly; None where none of that is mature.
    """

    money: Estimate
    overlap: Overlap
    auc: Estimate | None
    champion_auc: Estimate | None
    calibration_error: Estimate | None
    adverse_impact: tuple[ImpactComparison, ...]
    latency: LatencyEvidence | None
    has_reasons: bool
    serving_cost: float | None = None
    gain_ranking: Estimate | None = None
    leak: str = ""
    deciding_share: float | None = None
    unkept: str = ""
    progress: Progress | None = None
    judged_since: str = ""
    slices: tuple[SliceGain, ...] = ()
    soundness: Soundness | None = None
    of_trial: MoneyOfTrial | None = None

    @property
    def where(self) -> str:
        """Which decisions skill is asked of, as the end of a sentence; "" for all of them."""
        if self.deciding_share is None:
            return ""
        return f", on the {self.deciding_share:.0%} of the decisions in which it may depart from the rules"


def check_skill(evidence: GateEvidence, rules: GateRules) -> Check:
    """Lower AUC bound above the minimum: a candidate that ranks no better than chance never decides."""
    required, auc = rules.minimum_auc, evidence.auc
    if rules.is_ranked_by_gain:
        return _check_gain_ranking(evidence.gain_ranking, rules)
    if required is None:
        return Check("skill", True, None, None, "The outcome has no class to rank; money alone shows skill.")
    if auc is None or auc.value is None or auc.low is None:
        why = auc.reason if auc is not None and auc.reason else "it was not measured"
        return Check("skill", None, None, required, f"Whether it ranks better than chance cannot be told: {why}.")
    is_passed = auc.low > required
    figures = f"AUC {auc.value:.3f}, surely above {auc.low:.3f}"
    word = "It tells outcomes apart" if is_passed else "It does not surely tell outcomes apart"
    required_words = f"(required: above {required:.3f}){evidence.where}"
    return Check("skill", is_passed, auc.low, required, f"{word}: {figures} {required_words}.")


def _check_gain_ranking(ranking: Estimate | None, rules: GateRules) -> Check:
    """The order by predicted gain is not surely worse than a random one.

    That it is worth something is not asked for: where everybody gains alike the best policy treats everybody, and it is
    the money that says so.
    """
    if ranking is None or ranking.value is None or ranking.low is None or ranking.high is None:
        why = ranking.reason if ranking is not None and ranking.reason else "it was not measured"
        return Check("skill", None, None, 0.0, f"What its ranking by gain is worth cannot be told: {why}.")
    worth = f"{symbol(rules.currency)}{ranking.value:.4g} per decision ({ranking.low:.4g} to {ranking.high:.4g})"
    if ranking.high < 0:
        reason = f"It ranks people by gain the wrong way round: against a random order that is worth {worth}."
        return Check("skill", False, ranking.high, 0.0, reason)
    sure = "is worth" if ranking.low > 0 else "may be worth nothing:"
    return Check("skill", True, ranking.high, 0.0, f"Its ranking by gain {sure} {worth} against a random order.")


def check_auc(evidence: GateEvidence, rules: GateRules) -> Check:
    """AUC not lower than the champion's by more than the limit."""
    champion, allowed, auc = evidence.champion_auc, rules.maximum_auc_loss, evidence.auc
    if rules.is_ranked_by_gain:
        return Check("auc", True, None, None, "It is judged by gain: who has the outcome anyway is no skill.")
    if champion is None or allowed is None or rules.minimum_auc is None:
        return Check("auc", True, None, None, "The champion ranks nobody, so there is no AUC to compare with.")
    if auc is None or auc.value is None or champion.value is None:
        return Check("auc", None, None, None, "AUC cannot be compared: it is not known for both.")
    required = champion.value - allowed
    is_passed = auc.value >= required
    word = "holds" if is_passed else "loses too much of"
    return Check(
        "auc",
        is_passed,
        auc.value,
        required,
        f"It {word} the champion's AUC: {auc.value:.3f} against {champion.value:.3f} (it may lose {allowed:.3f})"
        f"{evidence.where}.",
    )


def check_calibration(evidence: GateEvidence, rules: GateRules) -> Check:
    """Calibration error, noise removed, within the limit; "cannot say" where its interval still holds the limit.

    A first look, which lets a candidate be watched and no more, asks only that it is not surely off: of a few hundred
    decisions a month nobody could say more, whatever the model.
    """
    required, error = rules.maximum_calibration_error, evidence.calibration_error
    if required is None:
        return Check("calibration", True, None, None, "No calibration is asked for.")
    if error is None or error.value is None:
        why = error.reason if error is not None and error.reason else "it was not measured"
        return Check("calibration", None, None, required, f"Whether its probabilities are true cannot be told: {why}.")
    is_passed: bool | None
    if error.low is not None and error.low > required:
        is_passed, word = False, "are off"
    elif error.value <= required:
        is_passed, word = True, "mean what they say"
    else:
        is_passed, word = None if rules.is_accumulating else True, "may be off, and more outcomes will tell"
    return Check(
        "calibration",
        is_passed,
        error.value,
        required,
        f"Its probabilities {word}: they miss the observed rates by {100 * error.value:.1f} percentage points "
        f"(at most {100 * required:.1f}){evidence.where}.",
    )


def check_adverse_impact(evidence: GateEvidence, rules: GateRules) -> Check:
    """No group's ratio to the best group is surely below the limit, unless the champion's is no better.

    The bound answers and not the ratio itself, which in a small group is below by chance; the monitor of adverse impact
    goes on asking with every batch.
    """
    required = rules.minimum_adverse_impact_ratio
    if not evidence.adverse_impact:
        return Check("adverse_impact", True, None, required, "The contract names no protected attribute.")
    known = [(pair.challenger.to_best.value, pair) for pair in evidence.adverse_impact]
    measured = [(ratio, pair) for ratio, pair in known if ratio is not None]
    if not measured:
        return Check("adverse_impact", None, None, required, "No group is large enough to measure adverse impact.")
    surely = [(ratio, pair) for ratio, pair in measured if (pair.challenger.to_best.high or 0.0) < required]
    failing = [(ratio, pair) for ratio, pair in surely if not _is_no_worse(ratio, pair.champion)]
    worst, pair = min(failing or surely or measured, key=lambda item: item[0])
    group = f"{pair.challenger.attribute} {pair.challenger.group}"
    interval = f"{worst:.2f} of the best group's rate ({pair.challenger.to_best.low:.2f} to " + (
        f"{pair.challenger.to_best.high:.2f}), at least {required:.2f} is required"
    )
    if failing:
        return Check("adverse_impact", False, worst, required, f"It favours {group} too rarely: {interval}.")
    excuse = ", but it is no worse than under the champion" if surely else ""
    unsure = ", and it is not surely below" if worst < required and not surely else ""
    reason = f"Of the groups that are large enough {group} is favoured least: {interval}{excuse}{unsure}."
    return Check("adverse_impact", True, worst, required, reason)


def _is_no_worse(ratio: float, champion: GroupImpact | None) -> bool:
    """An improvement (or no change) on a champion that is below the limit too: refusing would keep the worse one."""
    other = champion.to_best.value if champion is not None else None
    return other is not None and ratio >= other
