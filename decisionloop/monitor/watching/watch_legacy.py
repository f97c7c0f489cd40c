"""A mature cohort that another system decided: what it earned and whom it favoured, beside what others would have done.

No release of ours decided, so none is judged by what came of it: alarms are of the outcome itself, of labels, and of
losing against an action whose money is known, which is the other system's affair and for people to know.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.impact.figures import impact_figures
from decisionloop.monitor.labels import LABEL_SHORTFALL, CohortLabels, label_checks
from decisionloop.monitor.lifts import ActionLifts
from decisionloop.monitor.outcome_shift import judge_outcome_shift
from decisionloop.monitor.value import business_figures, judge_value
from decisionloop.monitor.watching.watch_cohort import OUTCOME_RATE, CohortsBefore, WatchedCohort
from decisionloop.observe.action_value import VALUE, acting_figures
from decisionloop.observe.cohort import Figure, is_policy_traffic, ranking_figures
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.known_actions import KNOWN_ACTION_LIFT, known_action_figures
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.legacy_money import legacy_money_figures
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.outcome_rate import late_against_early, outcome_rate, with_late
from decisionloop.observe.unbounded import marked
from decisionloop.observe.value import realised_value


def watch_legacy_cohort(
    cohort: DecidedCohort, labels: CohortLabels, before: CohortsBefore, late: LateArrivals | None = None
) -> WatchedCohort:
    """Measure and judge a mature cohort of another system's decisions; arguments as those of `watch_cohort`."""
    use_case, state = cohort.use_case, labels.state(cohort.use_case)
    terms = Terms.of(use_case, Stakes(cohort.worth, cohort.swing))
    missing = cohort.missing(late or LateArrivals.nothing(len(use_case.actions)))
    figures, findings = list(_measured(cohort, missing, cohort.logged(missing))), list[Finding]()
    if labels.decided:
        short = Estimate(state.shortfall, None, None, labels.decided, float(labels.decided), 0.95)
        figures.append(Figure(LABEL_SHORTFALL, short))
    if use_case.outcome.class_ is not None:
        told = late_against_early(cohort.outcome, missing)
        figures += [Figure(monitor, estimate) for monitor, estimate in told.items()]
        chosen, unseen = cohort.outcome[cohort.is_own_choice], missing.subset(cohort.is_own_choice)
        counted = with_late(chosen, unseen)
        if state.is_complete:
            findings += judge_outcome_shift(terms, counted, before.outcome_rates, label_checks(use_case))
        if counted.size:
            figures.append(Figure(OUTCOME_RATE, outcome_rate(chosen, unseen), release_id=cohort.release_id))
    if state.is_complete:
        findings += judge_value(terms, list(_lifts(terms, figures)))
    return WatchedCohort(tuple(figures), tuple(findings))


def _measured(cohort: DecidedCohort, missing: MissingOutcomes, logged: LoggedDecisions) -> Iterator[Figure]:
    use_case, log, frame = cohort.use_case, cohort.log, cohort.frame
    yield from legacy_money_figures(use_case, log, frame, logged, cohort.rules, _releases(cohort))
    yield from known_action_figures(use_case, log, frame, logged)
    free = is_policy_traffic(log)
    for index, name in enumerate(use_case.action_names):
        done = free & (cohort.taken == index)
        if done.any():
            yield Figure(VALUE, realised_value(logged.subset(done)).per_decision, f"action={name}")
    yield from acting_figures(use_case, log, frame, logged, cohort.amounts)
    yield from business_figures(use_case, log, frame, missing, cohort.amounts)
    yield from impact_figures(use_case, log, frame)
    if use_case.outcome.class_ is None:
        return
    scores = {} if cohort.score is None else {cohort.release_id: cohort.score}
    for release_id, (score, action) in cohort.predictions.shadows.items():
        known = np.where(action == cohort.taken, score, np.nan) if use_case.model.action_as == "input" else score
        scores[release_id] = known
    for release_id, score in scores.items():
        yield from marked(ranking_figures(log, score, release_id), missing.subset(cohort.is_free & ~np.isnan(score)))


def _releases(cohort: DecidedCohort) -> dict[str, np.ndarray]:
    """What every model would have done (n,), by its release."""
    ours = {} if cohort.predictions.values is None else {cohort.release_id: cohort.preferred}
    return ours | {release_id: action for release_id, (_, action) in cohort.predictions.shadows.items()}


def _lifts(terms: Terms, figures: list[Figure]) -> Iterator[ActionLifts]:
    """Against each action for everybody whose money is known, of this cohort alone."""
    for action, name in enumerate(terms.use_case.action_names):
        told = [one.estimate for one in figures if (one.monitor, one.slice) == (KNOWN_ACTION_LIFT, f"action={name}")]
        if told:
            yield ActionLifts.of(terms.use_case, action, (told[-1],))
