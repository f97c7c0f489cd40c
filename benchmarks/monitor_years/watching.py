"""What a loop remembers between its batches, kept in memory, and watched by the very functions that the loop calls."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmarks.monitor_years.late import PastWeek, late_arrivals_in
from benchmarks.monitor_years.release import RELEASE_ID, Release, ScoredRows
from decisionloop.contract import UseCase
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.compare.output_profile import ActionProfile
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.monitor.compare.score_shift import ScoreProfile
from decisionloop.monitor.compare.windows import WINDOWS, EntitySketch, Watched, windows_of
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.monitor.labels import CohortLabels
from decisionloop.monitor.watching.watch_batch import (
    RECENT_BATCHES,
    FeaturesBefore,
    OutputsBefore,
    watch_features,
    watch_impact,
    watch_outputs,
)
from decisionloop.monitor.watching.watch_cohort import CURVE_COHORTS, CohortsBefore, EarlierFigure, watch_cohort
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.entity_lift import EntityMoney
from decisionloop.observe.label_curve import CohortArrivals, LabelCurve

REACH = max(WINDOWS) - 1


@dataclass(frozen=True)
class DecidedWeek:
    """One batch's decisions: ``log`` and ``frame`` (n rows), what was predicted of them, the action taken (n,), and
    the age of the outcome in days (n,), NaN where none will come."""

    week: int
    frame: pd.DataFrame
    log: pd.DataFrame
    scored: ScoredRows
    action: np.ndarray
    arrival_days: np.ndarray

    @property
    def name(self) -> str:
        """The cohort's name; names sort by time."""
        return f"{self.week:04d}"

    def cohort(self, use_case: UseCase, age_days: float) -> DecidedCohort:
        """The cohort with the outcomes that are known at that age."""
        is_seen = self.arrival_days <= age_days
        known = {name: self.log[name].where(is_seen) for name in ("outcome_class", "outcome_amount")}
        log, scored = self.log.assign(**known), self.scored
        return DecidedCohort.of(use_case, log, self.frame, scored.predictions, lambda: scored.probability)

    def remembered(self) -> PastWeek:
        """What later weeks ask of it: what became of the outcomes that it missed."""
        outcome, amount = (
            self.log[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("outcome_class", "outcome_amount")
        )
        return PastWeek(self.week, self.action, self.scored.score, self.arrival_days, outcome, amount)

    def arrivals(self, use_case: UseCase, age_days: float) -> CohortArrivals:
        """When the outcomes came that are there at that age, of the decisions that should show one."""
        days = self.arrival_days[np.array(use_case.revealing)[self.action]]
        return CohortArrivals.of(np.where(days <= age_days, days, np.nan), len(days))


@dataclass
class Memory:
    """What is known before each batch and cohort; ``worth``: what choosing was worth in the last accepted batch."""

    use_case: UseCase
    release: Release
    profiles: list[Watched[FrameProfile]] = field(default_factory=list)
    groups: list[Watched[GroupTally]] = field(default_factory=list)
    limits: dict[str, float] = field(default_factory=dict)
    actions: list[ActionProfile] = field(default_factory=list)
    worth: float | None = None
    curve: LabelCurve = field(default_factory=LabelCurve)
    figures: list[EarlierFigure] = field(default_factory=list)
    holdout: list[EntityMoney] = field(default_factory=list)
    past: list[PastWeek] = field(default_factory=list)

    def watch_features(self, frame: pd.DataFrame) -> tuple[Watched[FrameProfile], tuple[Finding, ...]]:
        """Before the model is asked."""
        reference = self.release.reference
        now = Watched(FrameProfile.of(frame, reference.bins), EntitySketch.of(frame[self.use_case.entity.key]))
        recent = tuple(one.counts for one in self.profiles[-RECENT_BATCHES:])
        before = FeaturesBefore(reference, recent, self.limits, (*self.profiles[-REACH:], now))
        stakes = Stakes(self.worth, importance=self.release.importance)
        watched = watch_features(self.use_case, now.counts, before, stakes)
        self.limits |= {name: one.threshold for name, one in watched.calibrated.items()}
        return now, watched.findings

    def watch_outputs(
        self, frame: pd.DataFrame, scored: ScoredRows, action: np.ndarray
    ) -> tuple[ActionProfile, tuple[Finding, ...]]:
        """After the policy has chosen, before anything leaves."""
        reference = self.release.scores
        actions = ActionProfile.of(self.use_case, frame, action, scored.score, reference)
        terms = Terms.of(self.use_case, Stakes(scored.predictions.worth), RELEASE_ID)
        before = OutputsBefore(tuple(self.actions[-RECENT_BATCHES:]), reference)
        return actions, watch_outputs(terms, actions, ScoreProfile.of(scored.score, reference), before).findings

    def watch_impact(
        self, frame: pd.DataFrame, scored: ScoredRows, action: np.ndarray, entities: EntitySketch
    ) -> tuple[Finding, ...]:
        """Whether a group gets the offers too rarely. The plug is left in: the year goes on as it is."""
        now = Watched(GroupTally.of(self.use_case, frame, action, scored.rules), entities)
        windows = windows_of(now, self.groups[-REACH:])
        self.groups.append(now)  # a batch that is asked this is not halted any more
        return watch_impact(self.use_case, windows, RELEASE_ID, has_model=True).findings

    def accept(self, profile: Watched[FrameProfile], actions: ActionProfile, worth: float | None) -> None:
        """A batch that was not halted becomes a part of what is usual."""
        self.profiles.append(profile)
        self.actions.append(actions)
        self.worth = worth

    def labels(self, week: DecidedWeek, age_days: float) -> CohortLabels:
        """The labels of a cohort at an age, beside what is usual."""
        arrivals = week.arrivals(self.use_case, age_days)
        return CohortLabels(arrivals.decided, arrivals.arrived_by(age_days), age_days, self.curve)

    def watch_cohort(self, week: DecidedWeek, age_days: float, in_question: Collection[str]) -> tuple[Finding, ...]:
        """What a mature cohort says of outcome, model and money; its figures are known from then on."""
        labels = self.labels(week, age_days)
        before = CohortsBefore.of(self.figures, in_question, self.release.auc, self.holdout)
        late = late_arrivals_in(self.use_case, self.past, week.week, age_days)
        watched = watch_cohort(week.cohort(self.use_case, age_days), labels, before, late)
        self.past.append(week.remembered())
        self.figures += [EarlierFigure(week.name, one.monitor, one.estimate, one.slice) for one in watched.figures]
        self.holdout += [] if watched.entities is None else [watched.entities]
        if labels.state(self.use_case).is_complete:  # what fell short never becomes usual
            arrivals = week.arrivals(self.use_case, age_days)
            self.curve = LabelCurve((*self.curve.cohorts, arrivals)).last(CURVE_COHORTS)
        return watched.findings
