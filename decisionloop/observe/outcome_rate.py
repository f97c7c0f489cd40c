"""The rate of an outcome among decisions some of which have none: the figure, its interval and its bounds, at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from decisionloop.observe.bounded_mean import rate_estimate
from decisionloop.observe.bounded_money import COMES, widened
from decisionloop.observe.estimate import Estimate, Floats, normal_quantile
from decisionloop.observe.late_arrivals import PARTS
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.outcome_bounds import OutcomeBounds

YES = np.eye(PARTS)[1]
"""The part of `LateArrivals.share` that comes as a yes."""


def outcome_rate(outcome: Floats, missing: MissingOutcomes, confidence: float = 0.95) -> Estimate:
    """Rate of ``outcome`` (n,) in {0, 1}, NaN where it has not come, of those that have come or will come late.

    The rate of those that have come and that of the late ones are put together by how many there are of each (a
    stratified mean), with the uncertainty of both and of how many fell to each. The bounds let all that never come be
    a no, or all a yes.
    """
    seen = outcome[~np.isnan(outcome)]
    told = rate_estimate(seen, confidence=confidence)
    if not missing.count or told.value is None:
        return told
    yes, come = float(missing.yes.sum()), float(missing.come.sum())
    never = missing.count - come
    rate = _stratified(told, seen, yes, come, missing)
    low = _stratified(told, seen, yes, come + never, missing)
    high = _stratified(told, seen, yes + never, come + never, missing, is_never_yes=True)
    bounds = OutcomeBounds(missing.count, come, low.low, high.high)
    return replace(rate, bounds=bounds)


def late_against_early(outcome: Floats, missing: MissingOutcomes, confidence: float = 0.95) -> dict[str, Estimate]:
    """How different late outcomes are: their rate as earlier cohorts show it, the rate of those that have come, and
    the share of the missing ones that will come. {} where nothing is missing, or nothing is known of late ones.
    """
    yes, come, count = float(missing.yes.sum()), float(missing.come.sum()), missing.count
    if not come:
        return {}
    rows, cohorts = np.ones((len(missing.is_missing), 1)), missing.late.cohorts
    told = {
        "late_outcome_rate": (yes / come, (YES - yes / come * COMES) / come),
        "late_share": (come / count, COMES / count),
    }
    estimates = {"early_outcome_rate": rate_estimate(outcome[~np.isnan(outcome)], confidence=confidence)}
    for name, (value, by_part) in told.items():
        half = missing.late.half_width(missing.gradient(rows * by_part), confidence)
        low, high = max(0.0, value - half), min(1.0, value + half)
        estimates[name] = Estimate(value, low, high, count, float(cohorts), confidence)
    return estimates


def with_late(outcome: Floats, missing: MissingOutcomes) -> Floats:
    """The outcomes (m,) that have come, and of each that rather comes late than never its chance of being a yes."""
    comes = missing.come >= 0.5
    return np.concatenate([outcome[~np.isnan(outcome)], missing.yes[comes] / missing.come[comes]])


def _stratified(
    told: Estimate,
    seen: Floats,
    yes: float,
    others: float,
    missing: MissingOutcomes,
    is_never_yes: bool = False,
) -> Estimate:
    """The rate over those seen and ``others``, ``yes`` of which are a yes; the interval stays within 0 to 1."""
    if told.value is None or told.low is None or told.high is None or not others:
        return told
    n = seen.size + others
    part = seen.size / n
    value = part * told.value + yes / n
    between = abs(told.value - yes / others) * np.sqrt(part * (1 - part) / n) * normal_quantile(told.confidence)
    # Where every missing outcome counts, one that comes takes the place of one that does not.
    is_all = others >= missing.count - 1e-9
    of_come = -float(is_never_yes) if is_all else -value
    by_part = np.tile(YES + of_come * COMES, (len(missing.is_missing), 1)) / n
    half = float(np.hypot(between, missing.late.half_width(missing.gradient(by_part), told.confidence)))
    ends = Estimate(
        value,
        value - part * (told.value - told.low),
        value + part * (told.high - told.value),
        told.n,
        told.effective_n,
        told.confidence,
    )
    wide = widened(ends, half)
    assert wide.low is not None
    assert wide.high is not None
    return replace(wide, low=max(0.0, wide.low), high=min(1.0, wide.high))
