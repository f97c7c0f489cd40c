"""Has the outcome itself changed: its rate in a mature cohort against earlier ones, whatever any model predicted?

A changed rate is a changed world or a changed definition, and is told apart from a model that predicts badly. Compared
are decisions that one and the same release took by itself: what another release or exploration shows has another rate
without any change, and weighting it back would rest on the few explored rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.observe.estimate import Estimate, weighted_mean

MINIMUM_COHORTS = 3
"""Earlier cohorts without which nobody knows what is usual."""


def judge_outcome_shift(
    terms: Terms, outcome: npt.ArrayLike, earlier: Sequence[float], checks: int
) -> tuple[Finding, ...]:
    """Compare the rate of ``outcome`` (n,) in {0, 1} with the rates of ``earlier`` mature cohorts of the release.

    The limit is the contract's tolerance, or three standard deviations of the earlier cohorts around their median if
    that is more, at most twice the tolerance (a slow drift must not teach itself in). ``checks``: of its family in
    this cohort. () with less than three earlier cohorts or without an outcome.
    """
    y = np.asarray(outcome, dtype=np.float64)
    usual = np.asarray(earlier, dtype=np.float64)
    use_case = terms.use_case
    wording = use_case.outcome.class_
    if wording is None or len(usual) < MINIMUM_COHORTS or y.size == 0:
        return ()
    alpha, centre = terms.budget.alpha("labels", checks), float(np.median(usual))
    tolerance = use_case.monitors.maximum_outcome_shift
    threshold = float(np.clip(3 * usual.std(ddof=1), tolerance, 2 * tolerance))
    shown, sure = weighted_mean(y), weighted_mean(y, None, None, 1 - 2 * alpha)
    gap = _distance(shown, centre)
    bound = None if sure.low is None or sure.high is None else max(sure.low - centre, centre - sure.high, 0.0)
    return (
        Finding(
            family="labels",
            monitor="outcome_shift",
            slice="all",
            figure=gap,
            threshold=threshold,
            bound=bound,
            direction="above",
            alpha=alpha,
            words=_words(wording.wording, shown, centre),
            suggestion="Ask whether the outcome is still defined and recorded as before; if so, the world has changed.",
            against=f"median of {len(usual)} earlier cohorts",
            stake=None if gap.value is None else terms.stakes.of_rate(gap.value),
            release_id=terms.release_id,
        ),
    )


def _words(outcome: str, rate: Estimate, usual: float) -> str:
    if rate.value is None:
        return "The rate of the outcome cannot be told."
    return (
        f"Where the release chose by itself and the outcome is known, “{outcome}” came in {rate.value:.1%}; "
        f"{usual:.1%} is usual there."
    )


def _distance(rate: Estimate, centre: float) -> Estimate:
    """How far the rate is from ``centre``, never negative, with its interval."""
    if rate.value is None or rate.low is None or rate.high is None:
        return rate
    value, ends = abs(rate.value - centre), (abs(rate.low - centre), abs(rate.high - centre))
    low = 0.0 if rate.low <= centre <= rate.high else min(ends)
    return Estimate(value, low, max(ends), rate.n, rate.effective_n, rate.confidence)
