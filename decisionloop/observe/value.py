"""What the decisions really earned, and what the rules would have earned on the same decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from decisionloop.observe.bounded_money import bounded_money
from decisionloop.observe.estimate import Estimate, Floats, cannot_say, exactly_zero
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import (
    OffPolicyEstimate,
    importance_weights,
    one_hot,
    policy_value,
    propensity_weights,
    with_told_draws,
)
from decisionloop.observe.overlap import Overlap, measure_overlap
from decisionloop.observe.possible_money import within_possible
from decisionloop.observe.undrawn import undrawn_actions


@dataclass(frozen=True)
class RealisedValue:
    """Money of a set of decisions, scaled up for outcomes that should have come and did not.

    ``decisions`` in all, of which ``missing_outcomes`` have not arrived; ``arrived_money`` is the plain sum of
    what has. Intervals are clustered by entity. ``total`` is ``per_decision`` times ``decisions``.
    """

    per_decision: Estimate
    total: Estimate
    arrived_money: float
    decisions: int
    missing_outcomes: int


@dataclass(frozen=True)
class ValueAgainstRules:
    """Realised value (exploration and all), the rules' off-policy value, and their paired difference per decision.

    Judge ``overlap`` before believing ``gain``, and ``rules.overlap`` before believing ``rules.money``.
    """

    realised: RealisedValue
    rules: OffPolicyEstimate
    gain: Estimate
    overlap: Overlap


def realised_value(logged: LoggedDecisions, confidence: float = 0.95) -> RealisedValue:
    """Value of the decisions as they were taken. Outcomes that never come count as the others of their action do."""
    told = bounded_money(logged, *realised_parts(logged), confidence)
    per_decision = within_possible(told, logged.possible, one_hot(logged.action, len(logged.is_exact)))
    if logged.is_silent:
        silent = int(logged.taken_by_action[logged.arrived_by_action == 0].sum())
        reason = f"{silent:,} decisions took an action of which no outcome has arrived"
        unknown = cannot_say(reason, len(logged), confidence)
        per_decision = replace(unknown, bounds=per_decision.bounds)
    return RealisedValue(
        per_decision=per_decision,
        total=per_decision.scaled(len(logged)),
        arrived_money=float(logged.money.sum()),
        decisions=len(logged),
        missing_outcomes=logged.missing_outcomes,
    )


def realised_parts(logged: LoggedDecisions) -> tuple[Floats, Floats, Floats]:
    """Base, importance and expectation, all (n,), of which `bounded_money` makes the realised value."""
    expected = _mean_of_action(logged)
    base = np.where(logged.is_exact[logged.action] & logged.is_arrived, logged.money, expected)
    return base, (~logged.is_exact[logged.action]).astype(float), expected


def value_against_rules(logged: LoggedDecisions, rules: Floats, confidence: float = 0.95) -> ValueAgainstRules:
    """Realised value of the logged policy against the rules, ``rules`` (n, A) probabilities, from one log.

    The gain is paired (doubly robust): a decision that the rules would have taken with certainty, and that was
    taken with probability 1, contributes exactly 0. Where every decision was that of the rules there is no gain and no
    loss, whatever could have been drawn. Decisions of the holdout add 0: a policy's gain is told without them.
    """
    logged = with_told_draws(logged, rules)
    realised, by_rules = realised_value(logged, confidence), policy_value(logged, rules, "dr", confidence)
    taken = one_hot(logged.action, rules.shape[1])
    weight = logged.arrival_weight * ~logged.is_exact[logged.action] - propensity_weights(logged, rules)
    overlap = measure_overlap(logged, taken - rules, weight, undrawn_actions(logged, -rules, is_realised=True))
    if overlap.differing_n == 0 and realised.per_decision.is_known:
        return _alike(realised, by_rules, overlap)
    return ValueAgainstRules(
        realised=realised,
        rules=by_rules,
        gain=gain_over(logged, realised, rules, confidence),
        # What was done needs no support: only the rules' side can be unsupported or have wrong propensities.
        overlap=replace(
            overlap,
            unsupported_share=by_rules.overlap.unsupported_share,
            weight_deviation=by_rules.overlap.weight_deviation,
        ),
    )


def _alike(realised: RealisedValue, rules: OffPolicyEstimate, overlap: Overlap) -> ValueAgainstRules:
    """Of decisions all of which are those of the rules: these earned what was earned, and the gain is exactly 0."""
    money = realised.per_decision
    gain = exactly_zero(money.n, money.confidence)
    return ValueAgainstRules(realised, replace(rules, money=money, overlap=overlap), gain, overlap)


def gain_over(logged: LoggedDecisions, realised: RealisedValue, other: Floats, confidence: float = 0.95) -> Estimate:
    """The gain of `value_against_rules` alone, over another policy ``other`` (n, A), told where ``realised`` is."""
    logged = with_told_draws(logged, other)
    if _untold(logged, other):
        return cannot_say(UNTOLD, len(logged), confidence)
    q = np.nan_to_num(logged.expected_values, nan=0.0)
    taken = q[np.arange(len(logged)), logged.action]
    importance = ~logged.is_exact[logged.action] - importance_weights(logged, other)
    base = taken - np.einsum("ij,ij->i", other, q)
    undrawn = undrawn_actions(logged, -other, is_realised=True)
    gain = bounded_money(logged, base, importance, taken, confidence, undrawn)
    return gain if realised.per_decision.is_known else replace(realised.per_decision, bounds=gain.bounds)


UNTOLD = "with which chance some of the decisions were drawn is not known"


def _untold(logged: LoggedDecisions, other: Floats) -> bool:
    """Whether a decision of unknown propensity would have money of another action, which nobody has seen."""
    differs = np.abs(other - one_hot(logged.action, other.shape[1])).max(axis=1, initial=0.0) > 1e-12
    return bool((np.isnan(logged.propensity) & differs).any())


def _mean_of_action(logged: LoggedDecisions) -> Floats:
    """(n,) mean arrived money of the action executed; 0 where none has arrived."""
    arrived = logged.arrived_by_action
    money = np.bincount(logged.done, weights=logged.money, minlength=len(arrived))
    return np.divide(money, arrived, out=np.zeros(len(arrived)), where=arrived > 0)[logged.done]
