"""Performance before the labels, estimated from calibrated probabilities of decisions whose outcome is not known yet.

If p is right, then a row is an event with probability p, and every figure that compares scores with outcomes has an
expectation given the scores alone (confidence-based performance estimation, as in NannyML).

What it cannot see: concept change. If the outcome's dependence on the features has changed, the probabilities are
wrong and the estimate is confidently wrong with them; only matured outcomes can tell. It sees what a change of the
*inputs* does to performance, nothing else. So its past error belongs beside it, always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.observe.bounded_mean import rate_estimate
from decisionloop.observe.cohort import Figure
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.estimate import Estimate, Floats, cannot_say, normal_quantile, t_quantile, weighted_mean
from decisionloop.observe.exact_rate import known_rows
from decisionloop.observe.performance import auc

ESTIMATED = ("auc_estimated", "rate_estimated", "value_estimated")
"""The figures of a cohort before its outcomes have come: AUC, rate, money per decision."""


@dataclass(frozen=True)
class EstimatedPerformance:
    """What is to be expected if the probabilities are right. ``value`` is money per decision.

    Intervals are for the figure that this very cohort will realise: they contain the noise of its outcomes, and are
    right as far as the probabilities are.
    """

    auc: Estimate
    rate: Estimate
    value: Estimate


def estimated_performance(
    probability: npt.ArrayLike,
    score: npt.ArrayLike | None = None,
    value: npt.ArrayLike | None = None,
    value_deviation: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> EstimatedPerformance:
    """Estimated AUC, rate and money of n decisions.

    Args:
        probability: calibrated P(outcome = 1) under the action taken (n,); NaN rows are left out.
        score: what ranks (n,); None: the probability itself.
        value: expected money of the action taken (n,), per decision; NaN rows are left out.
        value_deviation: standard deviation of each decision's money given its features (n,), for two outcomes
            |V(1) - V(0)| sqrt(p (1 - p)). None: the interval of the mean over decisions, which contains the spread
            between decisions but not the noise of their outcomes.
    """
    p, s = known_rows(probability, probability if score is None else score)
    return EstimatedPerformance(
        auc=estimated_auc(p, s, confidence),
        rate=_estimated_rate(p, confidence),
        value=_estimated_value(value, value_deviation, confidence),
    )


def estimated_auc(probability: Floats, score: Floats, confidence: float = 0.95) -> Estimate:
    """The AUC that n rows will show if ``probability`` (n,) is right, ties in ``score`` (n,) counting half.

    sum_ij p_i (1 - p_j) [s_i > s_j] / (sum p sum (1 - p)) over i != j: the ratio of expected pairs. The interval is
    that of the realised AUC given the rows: each outcome's influence on it, squared, times p (1 - p) (delta method),
    on the logit scale with the expected number of the rarer class less one as degrees of freedom.
    """
    p, s = probability, score
    events, others = float(p.sum()), float((1 - p).sum())
    if min(events, others) < 2:
        return cannot_say("fewer than two events or non-events are to be expected", p.size, confidence)
    levels, level = np.unique(s, return_inverse=True)
    event, other = (np.bincount(level, weights=w, minlength=len(levels)) for w in (p, 1 - p))
    below, above = np.cumsum(other) - other / 2, events - np.cumsum(event) + event / 2
    itself = float((p * (1 - p)).sum())
    value = (float(event @ below) - itself / 2) / (events * others - itself)
    if not 0 < value < 1:
        return cannot_say("the probabilities leave nothing to chance", p.size, confidence)
    # The derivative of the AUC by one outcome: it wins as an event what it loses as a non-event.
    gain = (below[level] / others - value) / events - (above[level] / events - value) / others
    error = float(np.sqrt((gain**2 * p * (1 - p)).sum()))
    half = t_quantile(confidence, min(events, others) - 1) * error / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-np.clip(bound, -40, 40)))) for bound in (centre - half, centre + half))
    return Estimate(value, low, high, p.size, float(p.size), confidence)


def _estimated_rate(p: Floats, confidence: float) -> Estimate:
    if p.size == 0:
        return cannot_say("there are no rows", 0, confidence)
    value = float(p.mean())
    half = normal_quantile(confidence) * float(np.sqrt((p * (1 - p)).sum())) / p.size
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), p.size, float(p.size), confidence)


def _estimated_value(value: npt.ArrayLike | None, deviation: npt.ArrayLike | None, confidence: float) -> Estimate:
    if value is None:
        return cannot_say("no model values the actions", 0, confidence)
    if deviation is None:
        (money,) = known_rows(value)
        return weighted_mean(money, confidence=confidence)
    money, spread = known_rows(value, deviation)
    if money.size == 0:
        return cannot_say("no decision has an expected value", 0, confidence)
    mean, half = float(money.mean()), normal_quantile(confidence) * float(np.sqrt((spread**2).sum())) / money.size
    return Estimate(mean, mean - half, mean + half, money.size, float(money.size), confidence)


def estimated_figures(cohort: DecidedCohort) -> Iterator[Figure]:
    """What is to be expected of a cohort of a model, before its outcomes have come; nothing of rules."""
    if cohort.score is None or cohort.predictions.values is None:
        return
    rows = cohort.is_comparable
    expected = cohort.predictions.values[np.arange(len(cohort.taken)), cohort.taken]
    estimated = estimated_performance(cohort.score[rows], value=expected[rows])
    for name, estimate in zip(ESTIMATED, (estimated.auc, estimated.rate, estimated.value), strict=True):
        yield Figure(name, estimate, release_id=cohort.release_id, is_mature=False)


def estimation_errors(cohort: DecidedCohort, estimated: Mapping[str, float]) -> Iterator[Figure]:
    """What came less what was estimated of a cohort that has become mature; ``estimated`` by name (`ESTIMATED`)."""
    if cohort.score is None or cohort.use_case.outcome.class_ is None:
        return
    rows = cohort.is_comparable
    is_known, money = rows & ~np.isnan(cohort.outcome), cohort.money[rows]
    outcome, score = cohort.outcome[is_known], cohort.score[is_known]
    came = (auc(outcome, score), rate_estimate(outcome), weighted_mean(money[~np.isnan(money)]))
    for name, estimate in zip(ESTIMATED, came, strict=True):
        if name in estimated:
            error = _less(estimate, estimated[name])
            yield Figure(name.replace("_estimated", "_estimation_error"), error, release_id=cohort.release_id)


def _less(estimate: Estimate, expected: float) -> Estimate:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return estimate
    ends = (estimate.value - expected, estimate.low - expected, estimate.high - expected)
    return Estimate(*ends, estimate.n, estimate.effective_n, estimate.confidence)
