"""Monitor of performance: does the model still rank, and do its probabilities still mean what they say?

Judged on one mature cohort whose labels are complete. Three checks, each right on its own at any size of cohort:

auc_against_release  the weighted AUC, of everybody who was decided, against the release's own
ranking              the AUC on the revealed rows, against what the model's own probabilities promise there
calibration          size of observed less predicted rate on the revealed rows

For a calibrated model E[outcome - p | features, selected] = 0 under any selection by features, so the last two need no
weights. They see far more than the weighted AUC, which rests on the few explored rows with their weights of 20.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from decisionloop.monitor.alarm.finding import Chart, Finding
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.labels import LabelState
from decisionloop.observe.estimate import Estimate, Floats
from decisionloop.observe.estimated_performance import estimated_auc
from decisionloop.observe.exact_rate import known_rows, residual_bounds
from decisionloop.observe.performance import auc

CHECKS = 3
_LOOK = "Compare recent misses in the story, check for a changed definition of the outcome, and retrain on new cohorts."


@dataclass(frozen=True)
class _Revealed:
    """The revealed rows of a mature cohort, and what goes for all its checks."""

    terms: Terms
    outcome: Floats
    score: Floats
    weight: Floats
    labels: LabelState

    @property
    def alpha(self) -> float:
        """Of each check."""
        return self.terms.budget.alpha("performance", CHECKS)

    @property
    def provision(self) -> str:
        """What to add to the words where the labels are not complete."""
        return "" if self.labels.is_complete else " Labels are missing, so this is provisional and no alarm."


@dataclass(frozen=True)
class _ExpectedAuc:
    """An AUC that was expected, by whom, and what is said of the one that came."""

    monitor: str
    against: str
    value: float
    words: str


def judge_performance(
    terms: Terms,
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    weight: npt.ArrayLike,
    reference_auc: float | None,
    labels: LabelState,
) -> tuple[Finding, ...]:
    """Judge one release on the revealed rows of one mature cohort.

    Args:
        outcome: 1, 0 or NaN (n,).
        score: the release's P(outcome = 1) under the action taken (n,); rows with NaN in either are left out.
        weight: 1 / probability of having been revealed (n,).
        reference_auc: weighted AUC that the release had when it was judged; None: its check is left out.
        labels: where they are not complete there are figures only, no bounds, so no alarm. The calibration bound is
            moved by the worst that those missing beyond the usual could be.
    """
    y, s, w = known_rows(outcome, score, weight)
    cohort = _Revealed(terms, y, s, w, labels)
    findings = []
    if reference_auc is not None:
        findings.append(_auc_against_release(cohort, reference_auc))
    estimated = estimated_auc(s, s).value
    if estimated is not None:
        findings.append(_auc_against_estimate(cohort, estimated))
    if y.size:
        findings.append(_calibration(cohort))
    return tuple(findings)


def upper_auc(outcome: Floats, score: Floats, weight: Floats | None, alpha: float) -> float | None:
    """Upper bound of the (weighted) AUC (n rows), one-sided at ``alpha``; None where it cannot be told.

    The plain bound is badly wrong where few explored rows of heavy weight have been seen: with 5 % exploration and
    events in 6 % of rows it was below the truth in 19 % of cohorts of 1,000 at a nominal 1 %. As for money
    (`observe.money_interval`; Fay and Feuer 1997) the bound is that of the rows with one more event above all and one
    more non-event below all, both of the heaviest weight: what could have been seen by chance and was not.
    """
    if outcome.size == 0:
        return None
    w = np.ones_like(outcome) if weight is None else weight
    y, heaviest = np.append(outcome, [1.0, 0.0]), float(w.max())
    s = np.append(score, [score.max() + 1, score.min() - 1])
    with np.errstate(over="ignore"):  # a logit bound beyond all numbers is a bound of 0 or 1
        return auc(y, s, np.append(w, [heaviest, heaviest]), confidence=1 - 2 * alpha).high


def _auc_against_release(cohort: _Revealed, reference: float) -> Finding:
    figure = auc(cohort.outcome, cohort.score, cohort.weight)
    bound = upper_auc(cohort.outcome, cohort.score, cohort.weight, cohort.alpha)
    words = (
        f"Of 100 pairs of one case with the outcome and one without, the model now ranks {_pairs(figure)} correctly; "
        f"when it was released it was {100 * reference:.0f}."
    )
    return _auc_finding(cohort, _ExpectedAuc("auc_against_release", "release", reference, words), figure, bound)


def _auc_against_estimate(cohort: _Revealed, estimated: float) -> Finding:
    figure = auc(cohort.outcome, cohort.score)
    bound = upper_auc(cohort.outcome, cohort.score, None, cohort.alpha)
    words = (
        f"Among decisions whose outcome is known the model ranks {_pairs(figure)} of 100 pairs correctly; its own "
        f"probabilities promise {100 * estimated:.0f}."
    )
    return _auc_finding(cohort, _ExpectedAuc("ranking", "its own probabilities", estimated, words), figure, bound)


def _auc_finding(cohort: _Revealed, expected: _ExpectedAuc, figure: Estimate, bound: float | None) -> Finding:
    """An AUC below what was expected of it by more than the contract allows, and by more than is worth anything.

    What choosing is worth is lost in proportion to the lost part of the skill, AUC - 0.5: at 0.5 all of it.
    """
    skill, terms = max(expected.value - 0.5, 0.01), cohort.terms
    monitors, worth = terms.use_case.monitors, terms.stakes.worth
    trifle = monitors.minimum_money / worth * skill if worth else 0.0
    drop = None if figure.value is None else max(0.0, expected.value - figure.value)
    return Finding(
        family="performance",
        monitor=expected.monitor,
        slice="all",
        figure=figure,
        threshold=expected.value - max(monitors.maximum_auc_drop, trifle),
        bound=bound if cohort.labels.is_complete else None,
        direction="below",
        alpha=cohort.alpha,
        words=expected.words + cohort.provision,
        suggestion=_LOOK,
        against=expected.against,
        stake=None if drop is None else terms.stakes.of_share(min(1.0, drop / skill)),
        release_id=terms.release_id,
    )


def _calibration(cohort: _Revealed) -> Finding:
    terms, y, p, m = cohort.terms, cohort.outcome, cohort.score, cohort.labels.missing_share
    usual = residual_bounds(y, p, 0.025)
    # Either direction alarms, so each has half of the check's alpha.
    sure = residual_bounds(y, p, cohort.alpha / 2).size_low
    observed, predicted = float(y.mean()), float(p.mean())
    monitors, swing = terms.use_case.monitors, terms.stakes.swing
    class_ = terms.use_case.outcome.class_
    what = class_.wording if class_ else "the outcome"
    return Finding(
        family="performance",
        monitor="calibration",
        slice="all",
        figure=usual.size_estimate(y.size, float(y.size), 0.95),
        threshold=max(monitors.maximum_calibration_gap, monitors.minimum_money / swing if swing else 0.0),
        # Were all outcomes that are missing beyond the usual as far from their predictions as can be:
        bound=(1 - m) * sure - m if cohort.labels.is_complete else None,
        direction="above",
        alpha=cohort.alpha,
        words=f"Among decisions with a known outcome the model expected “{what}” in {predicted:.1%}; it came in "
        f"{observed:.1%}.{cohort.provision}",
        suggestion=_LOOK,
        against="its own probabilities",
        stake=terms.stakes.of_rate(usual.value),
        chart=Chart(("happened", "did not happen"), (predicted, 1 - predicted), (observed, 1 - observed)),
        release_id=terms.release_id,
    )


def _pairs(figure: Estimate) -> str:
    return "an unknown number" if figure.value is None else f"{100 * figure.value:.0f}"
