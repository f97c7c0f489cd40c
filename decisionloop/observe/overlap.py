"""Whether a log can answer a question about another policy at all, and why not, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.observe.estimate import Floats, effective_sample_size, entity_codes, entity_sums
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.undrawn import UndrawnActions, expected_effective_n, undrawn_actions

MAXIMUM_WEIGHT_DEVIATION = 5.0
"""Standard errors by which the sum of weights may miss its known expectation: honest logs practically never do."""

ROUNDING = 1e-9
"""Twenty equal weights are worth 19.999999999999996 by their squares: that is no reason to refuse an answer."""


@dataclass(frozen=True)
class Overlap:
    """How much of the log speaks to the question.

    differing_n           decisions on which the policies differ (all, for the value of a single policy)
    informative_n         of these, the ones whose logged action needs an outcome and whose outcome arrived
    effective_n           Kish size of their weights by entity: so many equally weighted ones would tell as much; of the
                          weights seen, or of those that could have been drawn, whichever is less
    largest_weight_share  share of the total weight on the single heaviest entity
    unsupported_share     share of the outcome-dependent change where the log could never have shown the outcome
    weight_deviation      standard errors between the sum of the weights of all decisions, whether their outcome has
                          come or not, and its expectation; large: wrong propensities
    missing_outcomes      decisions of the log whose outcome should have come and did not
    unknown_n             of the differing decisions that need an outcome, those whose propensity nobody knows
    """

    differing_n: int
    informative_n: int
    effective_n: float
    largest_weight_share: float
    unsupported_share: float
    weight_deviation: float
    missing_outcomes: int
    unknown_n: int = 0


@dataclass(frozen=True)
class OverlapRules:
    """Below or above these the log does not answer."""

    minimum_effective_n: float = 100.0
    maximum_weight_share: float = 0.05
    maximum_unsupported_share: float = 0.01


@dataclass(frozen=True)
class OverlapVerdict:
    """Whether the log may be asked, with the reason in words."""

    is_sufficient: bool
    reason: str


def measure_overlap(
    logged: LoggedDecisions, difference: Floats, weight: Floats, undrawn: UndrawnActions | None = None
) -> Overlap:
    """Diagnose a question put to the log.

    difference (n, A): the probability that the question moves onto (+) or off (-) each action; for one policy's
    value its own probabilities. weight (n,): the signed weight that each logged outcome gets in the answer.
    ``undrawn``: what else could have been drawn, where that is not for ``difference`` alone.
    """
    moved = np.abs(difference)
    undrawn = undrawn or undrawn_actions(logged, difference)
    needs_outcome = moved * ~(logged.is_exact & np.isfinite(logged.expected_values))
    expected = float((needs_outcome * logged.supported).sum())
    by_entity = entity_sums(np.abs(weight), entity_codes(logged.entity, len(logged)))
    total = float(by_entity.sum())
    differing_n = int((moved.max(axis=1, initial=0.0) > 1e-12).sum())
    is_exact_question = needs_outcome.sum() == 0
    return Overlap(
        differing_n=differing_n,
        informative_n=int((weight != 0).sum()),
        effective_n=float(differing_n)
        if is_exact_question
        else min(effective_sample_size(by_entity), expected_effective_n(logged, weight, undrawn)),
        largest_weight_share=float(by_entity.max() / total) if total > 0 else 0.0,
        unsupported_share=0.0 if is_exact_question else 1.0 - expected / float(needs_outcome.sum()),
        weight_deviation=_deviation(logged, moved),
        missing_outcomes=logged.missing_outcomes,
        unknown_n=int((np.isnan(logged.propensity) & (needs_outcome.max(axis=1, initial=0.0) > 1e-12)).sum()),
    )


def judge_overlap(overlap: Overlap, rules: OverlapRules | None = None) -> OverlapVerdict:
    """Say whether the log can answer. A question about nothing (the policies never differ) has an exact answer."""
    rules = rules or OverlapRules()
    if overlap.differing_n == 0:
        return OverlapVerdict(True, "The two policies decide alike everywhere, so the difference is exactly 0.")
    problems = _problems(overlap, rules)
    if problems:
        return OverlapVerdict(False, "The log cannot answer: " + "; ".join(problems) + _missing(overlap) + ".")
    return OverlapVerdict(
        True,
        f"The log can answer: {overlap.informative_n:,} outcomes among {overlap.differing_n:,} decisions count, "
        f"worth {overlap.effective_n:,.0f} equally weighted ones{_missing(overlap)}.",
    )


def _missing(overlap: Overlap) -> str:
    """The outcomes that have not come, where there are any: they are no fault of the propensities."""
    return f"; {overlap.missing_outcomes:,} outcomes have not come" if overlap.missing_outcomes else ""


def _problems(overlap: Overlap, rules: OverlapRules) -> list[str]:
    problems = []
    if overlap.unknown_n:
        return [
            f"with which chance {overlap.unknown_n:,} of the {overlap.differing_n:,} decisions were drawn is not "
            "known, so what another action would have brought cannot be told"
        ]
    if overlap.unsupported_share > rules.maximum_unsupported_share:
        problems.append(
            f"{overlap.unsupported_share:.1%} of what would change was never tried, or with a chance below "
            f"{PROPENSITY_FLOOR:.1%} (at most {rules.maximum_unsupported_share:.1%}): explore there first"
        )
    if overlap.effective_n < rules.minimum_effective_n * (1 - ROUNDING):
        problems.append(
            f"the outcomes that tell the policies apart are worth {overlap.effective_n:,.0f} equally weighted "
            f"ones (at least {rules.minimum_effective_n:,.0f}): wait for more, or decide or explore more, as far as "
            "policy.exploration goes"
        )
    if overlap.largest_weight_share > rules.maximum_weight_share * (1 + ROUNDING):
        problems.append(
            f"a single entity carries {overlap.largest_weight_share:.1%} of the weight "
            f"(at most {rules.maximum_weight_share:.1%})"
        )
    if abs(overlap.weight_deviation) > MAXIMUM_WEIGHT_DEVIATION:
        problems.append(
            f"actions were taken {'more' if overlap.weight_deviation > 0 else 'less'} often than their logged "
            f"propensities say ({abs(overlap.weight_deviation):.0f} standard errors): check how they are logged"
        )
    return problems


def _deviation(logged: LoggedDecisions, moved: Floats) -> float:
    """z statistic of the sum of absolute weights, whose expectation the propensities fix.

    Which outcomes have come says nothing of how actions were taken, so every decision with a propensity counts, also
    where that is too small to be evidence of money.
    """
    rows, could = np.arange(len(logged)), logged.could_be_taken & ~logged.is_exact
    meant = np.where(could, moved, 0.0)
    weight = np.divide(
        meant[rows, logged.action], logged.propensity, out=np.zeros(len(logged)), where=logged.propensity > 0
    )
    expected = float(meant.sum())
    if expected <= 0 or not len(logged):
        return 0.0
    variance = _known_variance if moved.shape[1] == 2 else _seen_variance
    error = np.sqrt(variance(logged, meant, weight))
    return float((weight.sum() - expected) / error) if error > 0 else 0.0


def _known_variance(logged: LoggedDecisions, moved: Floats, weight: Floats) -> float:
    """The variance of the sum of weights where one action's propensity is what the other one's leaves.

    It does not depend on what was drawn: where rare draws weigh most and have not come yet, what was seen says too
    little of how far the sum can be off. An entity's rows may have been drawn by the same chance.
    """
    rows, chance = np.arange(len(logged)), np.empty_like(moved)
    chance[rows, logged.action], chance[rows, 1 - logged.action] = logged.propensity, 1 - logged.propensity
    square = np.divide(moved**2, chance, out=np.zeros_like(moved), where=(moved > 0) & (chance > 0))
    by_row = np.maximum(square.sum(axis=1) - moved.sum(axis=1) ** 2, 0.0)
    by_entity = entity_sums(np.sqrt(by_row), entity_codes(logged.entity, len(logged)))
    return float((by_entity**2).sum())


def _seen_variance(logged: LoggedDecisions, moved: Floats, weight: Floats) -> float:
    """The same where only the propensity of what was taken is known: as though each weight were a rare Poisson draw.

    One more draw than was seen, as heavy as any could be at the smallest propensity of the log, is allowed for.
    """
    by_entity = entity_sums(weight, entity_codes(logged.entity, len(logged)))
    heaviest = float(moved.max() / logged.propensity[logged.propensity > 0].min())
    return float((by_entity**2).sum() * max(1.0, moved.sum() / max(by_entity.sum(), 1e-300))) + heaviest**2
