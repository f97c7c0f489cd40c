"""Monitor of the feedback loop: is the model as right where it chose by itself as where chance or the rules chose?

A model that learns from what it selected can drift away from the rest without anything in its own traffic showing it.
For a model that is right, observed less predicted rate is 0 on both, whatever was selected; their gap is the sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.labels import LabelState
from decisionloop.observe.cohort import Figure
from decisionloop.observe.estimate import Estimate, Floats, cannot_say, normal_quantile
from decisionloop.observe.exact_rate import Bounds, difference_bounds, known_rows, residual_bounds
from decisionloop.observe.performance import auc

SUGGESTION = "Explore more (policy.exploration), retrain with selection weights, and compare with the holdout."


def feedback_figures(
    outcome: npt.ArrayLike, score: npt.ArrayLike, is_explored: npt.ArrayLike, release_id: str
) -> Iterator[Figure]:
    """Calibration (observed less predicted rate) and AUC on explored and on selected rows, and the calibration gap.

    The gap is that of the selected less that of the explored rows; arguments as in `judge_feedback`.
    """
    selected, explored = _sides(outcome, score, is_explored)
    for name, (y, p) in {"selected": selected, "explored": explored}.items():
        yield Figure(f"calibration_{name}", _calibration(y, p), release_id=release_id)
        yield Figure(f"auc_{name}", auc(y, p), release_id=release_id)
    yield Figure("feedback_gap", _gap_estimate(selected, explored), release_id=release_id)


def usual_gap(first_cohorts: Sequence[Estimate]) -> Estimate | None:
    """Mean gap of a release's first cohorts (their figures "feedback_gap"), weighted by precision.

    None where none of them could tell. Its 95 % interval is normal, from the larger half of each stored one.
    """
    known = [
        (e.value, max(e.high - e.value, e.value - e.low) / normal_quantile(e.confidence), e.n)
        for e in first_cohorts
        if e.value is not None and e.low is not None and e.high is not None
    ]
    if not known:
        return None
    value, error, n = (np.array(column, dtype=np.float64) for column in zip(*known, strict=True))
    precision = 1 / np.maximum(error, 1e-9) ** 2
    mean, half = float(np.average(value, weights=precision)), normal_quantile(0.95) / float(np.sqrt(precision.sum()))
    return Estimate(mean, mean - half, mean + half, int(n.sum()), float(n.sum()), 0.95)


def judge_feedback(
    terms: Terms,
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    is_explored: npt.ArrayLike,
    usual: Estimate | None,
    labels: LabelState,
) -> tuple[Finding, ...]:
    """Judge one release on the revealed rows of one mature cohort; nothing where one side has no rows.

    Args:
        outcome: 1, 0 or NaN (n,).
        score: the release's P(outcome = 1) under the action taken (n,), NaN where it says nothing of that action.
        is_explored: True (n,) where chance or the rules chose (roles exploration and holdout), False where the release
            chose by itself. A fallback belongs to neither: leave it out.
        usual: the gap of this release's first cohorts (`usual_gap`), which is subtracted; its error counts.
        labels: where they are not complete there is a figure only, and no alarm.
    """
    selected, explored = _sides(outcome, score, is_explored)
    if not len(selected[0]) or not len(explored[0]):
        return ()
    alpha = terms.budget.alpha("feedback", 1)
    gap = _less_usual(_gap(selected, explored, 0.025), usual, 0.025)
    # Either direction alarms, so each has half of the check's alpha.
    sure = _less_usual(_gap(selected, explored, alpha / 2), usual, alpha / 2)
    n = len(selected[0]) + len(explored[0])
    return (
        Finding(
            family="feedback",
            monitor="feedback_gap",
            slice="all",
            figure=gap.size_estimate(n, float(min(len(selected[0]), len(explored[0]))), 0.95),
            threshold=_limit(terms),
            bound=sure.size_low if labels.is_complete else None,
            direction="above",
            alpha=alpha,
            words=_words(selected, explored, usual)
            + ("" if labels.is_complete else " Labels are missing: provisional."),
            suggestion=SUGGESTION,
            against="explored",
            stake=terms.stakes.of_rate(gap.value),
            release_id=terms.release_id,
        ),
    )


def _limit(terms: Terms) -> float:
    """The contract's limit, or the gap from which enough money is at stake, whichever is larger."""
    monitors, swing = terms.use_case.monitors, terms.stakes.swing
    return max(monitors.maximum_feedback_gap, monitors.minimum_money / swing if swing else 0.0)


Side = tuple[Floats, Floats]


def _sides(outcome: npt.ArrayLike, score: npt.ArrayLike, is_explored: npt.ArrayLike) -> tuple[Side, Side]:
    y, p, explored = known_rows(outcome, score, np.asarray(is_explored, dtype=np.float64))
    return (y[explored == 0], p[explored == 0]), (y[explored == 1], p[explored == 1])


def _gap(selected: Side, explored: Side, alpha: float) -> Bounds:
    """Calibration of the selected less that of the explored rows; neither side is empty."""
    return difference_bounds(residual_bounds(*selected, alpha), residual_bounds(*explored, alpha))


def _less_usual(gap: Bounds, usual: Estimate | None, alpha: float) -> Bounds:
    if usual is None or usual.value is None or usual.low is None or usual.high is None:
        return gap
    half = max(usual.high - usual.value, usual.value - usual.low)
    half *= normal_quantile(1 - 2 * alpha) / normal_quantile(usual.confidence)
    return difference_bounds(gap, Bounds(usual.value, usual.value - half, usual.value + half))


def _gap_estimate(selected: Side, explored: Side) -> Estimate:
    n = len(selected[0]) + len(explored[0])
    effective_n = float(min(len(selected[0]), len(explored[0])))
    if effective_n == 0:
        return cannot_say("no outcome is known on one of the two sides", n, 0.95)
    gap = _gap(selected, explored, 0.025)
    return Estimate(gap.value, gap.low, gap.high, n, effective_n, 0.95)


def _calibration(y: Floats, p: Floats) -> Estimate:
    if not len(y):
        return cannot_say("no outcome is known", 0, 0.95)
    residual = residual_bounds(y, p, 0.025)
    return Estimate(residual.value, residual.low, residual.high, len(y), float(len(y)), 0.95)


def _words(selected: Side, explored: Side, usual: Estimate | None) -> str:
    own, other = (100 * float((y - p).mean()) for y, p in (selected, explored))
    before = f" At release the two differed by {100 * usual.value:+.1f}." if usual and usual.value is not None else ""
    return (
        f"Where the model chose by itself the outcome came {own:+.1f} percentage points off its prediction, where "
        f"chance or the rules chose {other:+.1f}.{before}"
    )
