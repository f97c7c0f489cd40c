"""What decides whether to retrain: the rules of the contract, what is known at a time, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.observe.estimate import Estimate

Trigger = Literal[
    "first_model",
    "more_outcomes",
    "schedule",
    "auc_decay",
    "calibration",
    "drift",
    "value_lost",
    "manual",
    "event",
    "none",
]
Verdict = Literal["retrain", "wait", "refuse"]


@dataclass(frozen=True)
class TriggerRules:
    """minimum_outcomes: mature revealed outcomes needed to train; minimum_events: of which of the rarer class.
    maximum_auc_drop, maximum_calibration_gap: what the champion's AUC may lose, and by how much observed and
    predicted rate may differ; both must be surely exceeded. interval_days None: no schedule. cooldown_days: pause
    after any training, promoted or not. retraining_cost: in currency, what a retraining must at least save. growth:
    so many times the outcomes that the last training saw are worth another, of a changed world those since the change;
    what is left to learn falls with their number, so the first trainings follow each other quickly. None: they are not.
    """

    minimum_outcomes: int
    minimum_events: int
    maximum_auc_drop: float
    interval_days: float | None
    cooldown_days: float
    maximum_calibration_gap: float = 1.0
    retraining_cost: float = 0.0
    growth: float | None = 2.0


@dataclass(frozen=True)
class IncidentEvidence:
    """An incident that nobody has closed: since which batch, the mature outcomes of that batch and later ones, the
    money at stake in currency per decision (None: nobody can say), and what happened in words."""

    family: MonitorFamily
    since: datetime
    outcomes_since: int
    stake: float | None
    words: str


@dataclass(frozen=True)
class TriggerState:
    """What is known at ``as_of`` (all times timezone-aware).

    mature_outcomes      revealed outcomes of mature cohorts that a training set would hold
    mature_events        of these, the rarer class; equal to mature_outcomes where the outcome has no class
    new_outcomes         of these, how many matured after the last training
    has_model            whether any model (not the rules) is champion, challenger or was one
    last_trained_at      None before the first training
    champion_auc         selection-weighted AUC of the champion on the latest mature cohort; None for rules
    auc_bound            its upper bound by the alarm that the cohort raised about it; None: it raised none
    reference_auc        the champion's AUC when it was released; None for rules
    calibration_gap      how far observed and predicted rate of that cohort lie apart; None where it was not measured
    calibration_bound    the least of it by the alarm that the cohort raised about it; None: it raised none
    auc_cohort           name of that cohort
    is_cohort_mature     whether its maturity date has passed
    outcomes_since_cohort  mature outcomes of that cohort and later ones
    cohorts_held_back    cohorts recent enough to teach whose outcomes do not count, because they are held back
    incidents            open incidents of every family
    decisions_per_day    how many decisions the use case takes
    event                name of the alarm event that brought this run; its family (event_family) asks first
    request              what a person wrote who started this run; with is_forced that person insists
    """

    as_of: datetime
    mature_outcomes: int
    mature_events: int
    new_outcomes: int
    has_model: bool
    last_trained_at: datetime | None = None
    champion_auc: Estimate | None = None
    auc_bound: float | None = None
    reference_auc: float | None = None
    calibration_gap: Estimate | None = None
    calibration_bound: float | None = None
    auc_cohort: str = ""
    is_cohort_mature: bool = False
    outcomes_since_cohort: int = 0
    cohorts_held_back: int = 0
    incidents: tuple[IncidentEvidence, ...] = ()
    decisions_per_day: float = 0.0
    event: str = ""
    event_family: MonitorFamily | None = None
    request: str = ""
    is_forced: bool = False


@dataclass(frozen=True)
class TriggerDecision:
    """What to do, who asked for a retraining ("none": nobody), and why (or why not) in words."""

    verdict: Verdict
    trigger: Trigger
    reason: str

    @property
    def is_triggered(self) -> bool:
        """Whether to train now."""
        return self.verdict == "retrain"
