"""A mature cohort is watched: the outcome itself, the model, the feedback loop, the money. Labels come first.

What it is compared with was known of earlier cohorts; whoever calls reads it (the loop from the ledger, a simulated
year from memory).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.feedback import feedback_figures, judge_feedback, usual_gap
from decisionloop.monitor.impact.error_rates import error_rate_figures
from decisionloop.monitor.impact.figures import impact_figures
from decisionloop.monitor.labels import LABEL_SHORTFALL, CohortLabels, LabelState, label_checks
from decisionloop.monitor.lifts import RULES_COME_BACK, ActionLifts, HoldoutLifts, RulesLifts
from decisionloop.monitor.outcome_shift import NO_COHORTS, UsualRate, judge_outcome_shift
from decisionloop.monitor.performance import judge_performance
from decisionloop.monitor.value import CONVERSION_LIFT, HOLDOUT_LIFT, business_figures, holdout_lift, judge_value
from decisionloop.observe.action_for_all import for_all_figures
from decisionloop.observe.action_for_some import for_some_figures
from decisionloop.observe.action_value import Choices, action_figures
from decisionloop.observe.cohort import CHAMPION_LIFT, Figure, money_figures, ranking_figures
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.entity_lift import EntityMoney
from decisionloop.observe.entity_money import entity_money
from decisionloop.observe.estimate import Estimate, exactly_zero
from decisionloop.observe.known_actions import (
    KNOWN_ACTION_LIFT,
    RULES_OVER_DEFAULT,
    known_action_figures,
    rules_over_default,
)
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.left_out import left_out_figures
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.missing_outcomes import MissingOutcomes
from decisionloop.observe.outcome_rate import late_against_early, outcome_rate, with_late
from decisionloop.observe.unbounded import marked
from decisionloop.observe.value import realised_value
from decisionloop.release.stages import is_default_action

FIRST_COHORTS = 4
"""Cohorts of a release that say how far apart explored and selected traffic are by nature."""
EARLIER_COHORTS = 12
"""Cohorts that say which rate of the outcome is usual."""

CURVE_COHORTS = 12
"""Mature cohorts that say how labels usually come in."""

OUTCOME_RATE, SIGNED_GAP = "outcome_rate", "feedback_gap_signed"
RULES_LIFT = "value_difference"


@dataclass(frozen=True)
class EarlierFigure:
    """A figure of an earlier cohort of the same release, by the cohort's name; names sort by time."""

    cohort: str
    monitor: str
    estimate: Estimate
    slice: str = "all"


@dataclass(frozen=True)
class CohortsBefore:
    """What a cohort is compared with, of earlier cohorts of the same release, oldest first.

    reference_auc    weighted AUC that the release had when it was judged; None: unknown, or rules
    outcome_rates    rate of the outcome among what the release chose, its latest EARLIER_COHORTS
    first_gaps       calibration gap of its first cohorts (signed), at most FIRST_COHORTS
    rules_lifts      money per decision over the rules, since the release began
    holdout          money by entity of policy and holdout, since the release began
    action_lifts     by slice "action=NAME": money per decision over that action for everybody, since the release began
    over_default     money per decision of the rules over the default action, of cohorts where it was measured
    """

    reference_auc: float | None = None
    outcome_rates: UsualRate = NO_COHORTS
    first_gaps: tuple[Estimate, ...] = ()
    rules_lifts: tuple[Estimate, ...] = ()
    holdout: tuple[EntityMoney, ...] = ()
    action_lifts: Mapping[str, tuple[Estimate, ...]] = field(default_factory=dict)
    over_default: tuple[Estimate, ...] = ()

    @classmethod
    def of(
        cls,
        earlier: Iterable[EarlierFigure],
        in_question: Collection[str],
        reference_auc: float | None,
        holdout: Sequence[EntityMoney] = (),
    ) -> CohortsBefore:
        """From the figures of earlier cohorts, of any monitor and in any order.

        ``in_question``: cohorts whose rate is an open incident. Until somebody answers it they do not say what is
        usual; nor does the rate of those that had too few outcomes (LABEL_SHORTFALL above 0).
        """
        figures = sorted(earlier, key=lambda one: one.cohort)
        known = [one for one in figures if one.estimate.value is not None]
        short = {one.cohort for one in known if one.monitor == LABEL_SHORTFALL and (one.estimate.value or 0.0) > 0}
        unusual = {*in_question, *short}
        rates = [one.estimate for one in known if one.monitor == OUTCOME_RATE and one.cohort not in unusual]
        return cls(
            reference_auc=reference_auc,
            outcome_rates=UsualRate.of(rates[-EARLIER_COHORTS:]),
            first_gaps=tuple(one.estimate for one in known if one.monitor == SIGNED_GAP)[:FIRST_COHORTS],
            rules_lifts=_lifts_of_the_champion(figures),
            holdout=tuple(holdout),
            action_lifts=_lifts_over_actions(figures),
            over_default=tuple(one.estimate for one in figures if one.monitor == RULES_OVER_DEFAULT),
        )

    @property
    def usual_gap(self) -> Estimate | None:
        """The gap of the release's first cohorts, None while these are still coming in."""
        return usual_gap(self.first_gaps) if len(self.first_gaps) == FIRST_COHORTS else None


def _lifts_of_the_champion(figures: Sequence[EarlierFigure]) -> tuple[Estimate, ...]:
    """One a cohort, in their order: the champion's own where another release decided beside it, else the policy's."""
    by_cohort = {one.cohort: one.estimate for one in figures if one.monitor == RULES_LIFT}
    by_cohort |= {one.cohort: one.estimate for one in figures if one.monitor == CHAMPION_LIFT}
    return tuple(by_cohort.values())


def _lifts_over_actions(figures: Sequence[EarlierFigure]) -> dict[str, tuple[Estimate, ...]]:
    """One a cohort, in their order, of each action whose money is known."""
    lifts: dict[str, tuple[Estimate, ...]] = {}
    for one in figures:
        if one.monitor == KNOWN_ACTION_LIFT:
            lifts[one.slice] = (*lifts.get(one.slice, ()), one.estimate)
    return lifts


@dataclass(frozen=True)
class WatchedCohort:
    """Everything measured of a mature cohort, and what the monitors found in it.

    ``entities``: its part of policy against holdout; None where it can say nothing of it.
    """

    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    entities: EntityMoney | None = None


def watch_cohort(
    cohort: DecidedCohort, labels: CohortLabels, before: CohortsBefore, late: LateArrivals | None = None
) -> WatchedCohort:
    """Measure and judge a mature cohort; ``late``: what earlier cohorts say of the outcomes that it misses.

    Where labels are missing the outcome's rate and the money are measured and not judged, and what is found of the
    model is provisional. Rules are what a model's money is compared with; theirs, as anybody's, is compared with that
    of an action for everybody whose money is known.
    """
    use_case, state = cohort.use_case, labels.state(cohort.use_case)
    terms = Terms.of(use_case, Stakes(cohort.worth, cohort.swing), cohort.release_id)
    has_class = use_case.outcome.class_ is not None
    missing = cohort.missing(late or LateArrivals.nothing(len(use_case.actions)))
    logged = cohort.logged(missing)
    figures, findings = list(_measured(cohort, missing, logged)), list[Finding]()
    entities = entity_money(cohort.log, cohort.unexplored_log(logged))
    if has_class:
        told = late_against_early(cohort.outcome, missing)
        figures += [Figure(monitor, estimate) for monitor, estimate in told.items()]
    if labels.decided:
        short = Estimate(state.shortfall, None, None, labels.decided, float(labels.decided), 0.95)
        figures.append(Figure(LABEL_SHORTFALL, short))
    if has_class:
        chosen, unseen = cohort.outcome[cohort.is_own_choice], missing.subset(cohort.is_own_choice)
        counted = with_late(chosen, unseen)
        if state.is_complete:
            findings += judge_outcome_shift(terms, counted, before.outcome_rates, label_checks(use_case))
        if counted.size:
            figures.append(Figure(OUTCOME_RATE, outcome_rate(chosen, unseen), release_id=cohort.release_id))
    if cohort.score is not None and has_class:
        figures += _feedback_figures(cohort, cohort.score)
        findings += _judge_model(terms, cohort, cohort.score, state, before)
    figures = _with_lift_over_holdout(cohort, logged, figures)
    if state.is_complete:
        findings += _judge_money(terms, cohort, figures, entities, before)
    return WatchedCohort(tuple(figures), tuple(findings), entities)


def _measured(cohort: DecidedCohort, missing: MissingOutcomes, logged: LoggedDecisions) -> Iterator[Figure]:
    """Money, the business's own figures, adverse impact, error rates by group, and how every model ranked."""
    use_case, log, frame, predictions = cohort.use_case, cohort.log, cohort.frame, cohort.predictions
    champion = cohort.preferred if cohort.is_contested.any() else None
    yield from money_figures(log, logged, cohort.rules, cohort.unexplored, champion)
    yield from left_out_figures(cohort, logged)
    yield from known_action_figures(use_case, log, frame, logged)
    yield from rules_over_default(use_case, log, frame, logged, cohort.rules)
    yield from for_all_figures(use_case, log, frame, logged, cohort.rules)
    yield from for_some_figures(use_case, log, frame, logged, cohort.rules, predictions.rules_reason)
    yield from action_figures(use_case, log, frame, logged, Choices(cohort.rules, cohort.meant), cohort.amounts)
    yield from business_figures(use_case, log, frame, missing, cohort.amounts)
    yield from impact_figures(use_case, log, frame)
    if use_case.outcome.class_ is None:
        return
    yield from marked(error_rate_figures(use_case, log, frame, cohort.preferred), missing)
    if cohort.score is not None:
        yield from marked(ranking_figures(log, cohort.score, cohort.release_id), missing.subset(cohort.is_free))
    for release_id, (score, action) in predictions.shadows.items():
        # Where the model sees actions its score is that of the one it preferred and says nothing of another one.
        known = np.where(action == cohort.taken, score, np.nan) if use_case.model.action_as == "input" else score
        yield from marked(ranking_figures(log, known, release_id), missing.subset(cohort.is_free & ~np.isnan(known)))


def _feedback_figures(cohort: DecidedCohort, score: np.ndarray) -> Iterator[Figure]:
    rows = ~cohort.is_fallback
    for figure in feedback_figures(cohort.outcome[rows], score[rows], cohort.is_explored[rows], cohort.release_id):
        # The finding of that name says how far it is from the usual gap, without a sign.
        yield replace(figure, monitor=SIGNED_GAP) if figure.monitor == "feedback_gap" else figure


def _judge_model(
    terms: Terms, cohort: DecidedCohort, score: np.ndarray, labels: LabelState, before: CohortsBefore
) -> Iterator[Finding]:
    free, rows = cohort.is_free, ~cohort.is_fallback
    yield from judge_performance(
        terms, cohort.outcome[free], score[free], cohort.weight[free], before.reference_auc, labels
    )
    explored = cohort.is_explored[rows]
    yield from judge_feedback(terms, cohort.outcome[rows], score[rows], explored, before.usual_gap, labels)


def _with_lift_over_holdout(cohort: DecidedCohort, logged: LoggedDecisions, figures: Sequence[Figure]) -> list[Figure]:
    """The figures with the policy's lift over the holdout, where there are both sides.

    Where rules decide both sides no policy is compared with them: what sets the two apart is chance, and exploring,
    whose cost is told by itself.
    """
    holdout = _whole(figures, "value_holdout")
    if holdout is None or not cohort.is_of_policy.any():
        return [*figures]
    if cohort.is_by_rules:
        zero = exactly_zero(int(cohort.is_of_policy.sum()) + holdout.n)
        told = (replace(one, estimate=zero) if one.monitor == CONVERSION_LIFT else one for one in figures)
        return [*told, Figure(HOLDOUT_LIFT, zero)]
    return [*figures, holdout_lift(realised_value(logged.subset(cohort.is_of_policy)).per_decision, holdout)]


def _judge_money(
    terms: Terms, cohort: DecidedCohort, figures: Sequence[Figure], entities: EntityMoney | None, before: CohortsBefore
) -> tuple[Finding, ...]:
    """What the release has earned since it began to decide, and lately: a model against rules and holdout, and every
    release against each action for everybody whose money is known."""
    over_default = (*before.over_default, *_told(figures, RULES_OVER_DEFAULT))
    lifts = _lifts_over_known_actions(terms.use_case, figures, before)
    if is_default_action(cohort.release_id):
        # What it lacks beside itself was explored.
        return judge_value(terms, [
            RulesLifts(tuple(one.scaled(-1) for one in over_default), RULES_COME_BACK),
            HoldoutLifts((*before.holdout, *_known(entities)), RULES_COME_BACK),
            *(one for action, one in lifts.items() if action != terms.use_case.default_action),
        ])  # fmt: skip
    if cohort.predictions.values is None:  # the rules themselves: what was explored beside them is not their loss
        own = [ActionLifts.of_rules(terms.use_case, over_default)] if over_default else []
        return judge_value(terms, [*lifts.values(), *own])
    now = _told(figures, CHAMPION_LIFT) or _told(figures, RULES_LIFT)
    over_rules, over_holdout = (*before.rules_lifts, *now), (*before.holdout, *_known(entities))
    return judge_value(terms, [RulesLifts(over_rules), HoldoutLifts(over_holdout), *lifts.values()])


def _lifts_over_known_actions(
    use_case: UseCase, figures: Sequence[Figure], before: CohortsBefore
) -> dict[int, ActionLifts]:
    """What was decided, by action (index in contract order) for everybody whose money is known."""
    lifts = {}
    for action, name in enumerate(use_case.action_names):
        told = _told(figures, KNOWN_ACTION_LIFT, f"action={name}")
        if told:
            lifts[action] = ActionLifts.of(use_case, action, (*before.action_lifts.get(f"action={name}", ()), *told))
    return lifts


def _known(entities: EntityMoney | None) -> tuple[EntityMoney, ...]:
    return () if entities is None else (entities,)


def _told(figures: Sequence[Figure], monitor: str, part: str | None = None) -> tuple[Estimate, ...]:
    """The last figure of a monitor over the whole cohort, or a slice of it; () where it was not measured."""
    found = [one.estimate for one in figures if one.monitor == monitor and (part is None or one.slice == part)]
    return tuple(found[-1:])


def _whole(figures: Sequence[Figure], monitor: str, part: str = "all") -> Estimate | None:
    """The figure of a monitor over the whole cohort, or a slice of it; None where it was not measured."""
    found = [figure.estimate for figure in figures if figure.monitor == monitor and figure.slice == part]
    return found[-1] if found else None
