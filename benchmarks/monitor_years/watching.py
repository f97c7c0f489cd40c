"""The calls of the monitors for one batch and for one cohort, in the order in which the loop makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.monitor_years.release import RELEASE_ID, Release, Said
from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.monitor.compare.score_shift import ScoreProfile
from decisionloop.monitor.compare.variation import natural_variation
from decisionloop.monitor.feedback import feedback_figures, judge_feedback, usual_gap
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.impact.judging import judge_impact
from decisionloop.monitor.inputs import judge_inputs
from decisionloop.monitor.labels import judge_labels, label_checks, labels_complete, missing_beyond_usual
from decisionloop.monitor.outcome_shift import judge_outcome_shift
from decisionloop.monitor.outputs import ActionProfile, ReleaseScores, judge_outputs
from decisionloop.monitor.performance import judge_performance
from decisionloop.monitor.value import holdout_lift, judge_value
from decisionloop.observe.cohort import is_policy_traffic, money_figures
from decisionloop.observe.confidence_sequence import lift_sequence
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.label_curve import CohortArrivals, LabelCurve

RECENT_BATCHES, CURVE_COHORTS, FIRST_COHORTS, EARLIER_COHORTS = 8, 12, 4, 12


@dataclass(frozen=True)
class Cohort:
    """One batch's decisions: ``log`` and ``frame`` (n rows), rules' action and age of the outcome in days (n,), NaN
    where none will come, and what the release said."""

    week: int
    frame: pd.DataFrame
    log: pd.DataFrame
    said: Said
    action: np.ndarray
    rules: np.ndarray
    arrival_days: np.ndarray

    def arrived_by(self, age_days: float) -> int:
        """Outcomes that are there at that age."""
        return int((self.arrival_days <= age_days).sum())

    def seen_at(self, age_days: float) -> pd.DataFrame:
        """The log as it is known at that age."""
        is_seen = self.arrival_days <= age_days
        names = ["outcome_class", "outcome_amount"]
        return self.log.assign(**{name: self.log[name].where(is_seen) for name in names})


@dataclass
class Watch:
    """Everything that the monitors remember between batches."""

    use_case: UseCase
    release: Release
    budget: AlarmBudget
    profiles: list[FrameProfile] = field(default_factory=list)
    variation: dict[str, float] = field(default_factory=dict)
    actions: list[ActionProfile] = field(default_factory=list)
    curve: LabelCurve = field(default_factory=LabelCurve)
    gaps: list[Estimate] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    against_rules: list[Estimate] = field(default_factory=list)
    against_holdout: list[Estimate] = field(default_factory=list)

    def judge_features(self, frame: pd.DataFrame) -> tuple[Finding, ...]:
        """Before the model is asked; a batch that is not halted becomes a part of what is usual."""
        profile, recent = FrameProfile.of(frame, self.release.reference.bins), self.profiles[-RECENT_BATCHES:]
        if not self.variation and len(recent) == RECENT_BATCHES:
            found = natural_variation(recent, self.use_case.monitors.minimum_shift)
            self.variation = {name: one.threshold for name, one in found.items()}
        findings = judge_inputs(
            self.use_case,
            profile,
            self.release.reference,
            recent,
            self.variation,
            self.budget,
            self.release.stakes,
        )
        if not any(finding.is_halting for finding in findings):
            self.profiles.append(profile)
        return findings

    def judge_actions(
        self, frame: pd.DataFrame, said: Said, action: np.ndarray, rules: np.ndarray
    ) -> tuple[Finding, ...]:
        """After the policy has chosen, before anything leaves."""
        reference = self.release.scores
        chosen = ActionProfile.of(self.use_case, frame, action, said.score, reference)
        scores = ReleaseScores(ScoreProfile.of(said.score, reference), reference)
        recent = self.actions[-RECENT_BATCHES:]
        outputs = judge_outputs(self.use_case, chosen, recent, scores, self.budget, self.release.stakes, RELEASE_ID)
        tally = GroupTally.of(self.use_case, frame, action, rules)
        if not any(finding.is_halting for finding in outputs):
            self.actions.append(chosen)
        return (*outputs, *judge_impact(self.use_case, tally, self.budget, RELEASE_ID))

    def judge_arrivals(self, cohort: Cohort, age_days: float) -> tuple[Finding, ...]:
        """Whether a cohort's outcomes come as they usually do."""
        decided, arrived = len(cohort.log), cohort.arrived_by(age_days)
        return judge_labels(self.use_case, decided, arrived, age_days, self.curve, self.budget)

    def judge_cohort(self, cohort: Cohort, age_days: float) -> tuple[Finding, ...]:
        """What a mature cohort says of the model and of the money."""
        decided, arrived = len(cohort.log), cohort.arrived_by(age_days)
        is_complete = labels_complete(self.use_case, decided, arrived, age_days, self.curve)
        missing = missing_beyond_usual(decided, arrived, age_days, self.curve)
        if is_complete:  # what fell short never becomes usual
            arrivals = CohortArrivals.of(
                np.where(cohort.arrival_days <= age_days, cohort.arrival_days, np.nan), decided
            )
            self.curve = LabelCurve((*self.curve.cohorts, arrivals)).last(CURVE_COHORTS)
        log = cohort.seen_at(age_days)
        findings = [*self._performance(cohort, log, is_complete, missing)]
        if is_complete:
            findings += [*self._outcome(log), *self._value(cohort, log)]
        return tuple(findings)

    def _outcome(self, log: pd.DataFrame) -> Sequence[Finding]:
        """The outcome's own rate; a cohort whose rate is an open question does not say what is usual."""
        chosen = is_policy_traffic(log) & (log["role"] != "exploration").to_numpy() & log["outcome_class"].notna()
        outcome = log.loc[chosen, "outcome_class"].to_numpy(dtype=np.float64)
        earlier, checks = self.rates[-EARLIER_COHORTS:], label_checks(self.use_case)
        findings = judge_outcome_shift(
            self.use_case, outcome, earlier, self.budget, checks, self.release.stakes, RELEASE_ID
        )
        if not any(finding.is_alarm for finding in findings):
            self.rates.append(float(outcome.mean()))
        return findings

    def _performance(self, cohort: Cohort, log: pd.DataFrame, is_complete: bool, missing: float) -> Sequence[Finding]:
        chance = cohort.said.predictions.probability
        assert chance is not None
        score = chance[np.arange(len(log)), cohort.action]
        outcome = log["outcome_class"].to_numpy(dtype=np.float64)
        free = is_policy_traffic(log)
        judged = judge_performance(
            self.use_case,
            outcome[free],
            score[free],
            1 / log["propensity"].to_numpy()[free],
            self.release.auc,
            self.budget,
            self.release.stakes,
            RELEASE_ID,
            is_complete,
            missing,
        )
        explored = log["role"].isin(["exploration", "holdout"]).to_numpy()
        usual = usual_gap(self.gaps[:FIRST_COHORTS]) if len(self.gaps) >= FIRST_COHORTS else None
        looped = judge_feedback(
            self.use_case,
            outcome,
            score,
            explored,
            self.budget,
            self.release.stakes,
            RELEASE_ID,
            usual,
            is_complete,
        )
        if is_complete and len(self.gaps) < FIRST_COHORTS:
            figures = feedback_figures(outcome, score, explored, RELEASE_ID)
            self.gaps += [figure.estimate for figure in figures if figure.monitor == "feedback_gap"]
        return (*judged, *looped)

    def _value(self, cohort: Cohort, log: pd.DataFrame) -> Sequence[Finding]:
        figures = money_figures(
            self.use_case, log, cohort.frame, cohort.said.values, cohort.rules, cohort.said.preferred
        )
        told = {figure.monitor: figure.estimate for figure in figures}
        if "value_difference" in told:
            self.against_rules.append(told["value_difference"])
        if "value_policy" in told and "value_holdout" in told:
            self.against_holdout.append(holdout_lift(told["value_policy"], told["value_holdout"]).estimate)
        return judge_value(
            self.use_case,
            lift_sequence(self.against_rules, are_independent=True),
            lift_sequence(self.against_holdout, are_independent=False),
            self.budget,
            RELEASE_ID,
        )
