"""Everything that the stakeholder story says, as plain frozen data: no HTML, no database, no sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from decisionloop.learn.tried_otherwise import TriedOtherwise
from decisionloop.report.record.bad_release import BadRelease
from decisionloop.report.record.beside import Caveat, KnownEvent
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.evidence import ActionFigures, Promise
from decisionloop.report.record.experiment import Experiment
from decisionloop.report.record.features import ReviewedFeatures
from decisionloop.report.record.legacy import LegacyLines
from decisionloop.report.record.lines import (
    AlertLine,
    BatchLine,
    CohortPerformance,
    DataQualitySummary,
    Explored,
    ImpactLine,
    ReleaseEventLine,
    ServingLines,
    VerdictStory,
    WorkedDecision,
)
from decisionloop.report.record.monitor_lines import Monitoring
from decisionloop.report.record.overrides import OverrideLines
from decisionloop.report.record.standing import Standing
from decisionloop.report.record.stop_loss import StopLosses
from decisionloop.report.record.what_next import NOTHING_NEXT, WhatNext

if TYPE_CHECKING:
    from decisionloop.learn.capture import Captured

RULES = "the rules"
DEFAULT = "the default action"
"""What has the rules' place while they are stopped."""
OTHERS = "another system"
"""Who decided what was only observed."""
NOBODY = "nobody: by the kill switch everybody got the default action"


@dataclass(frozen=True)
class ActionLine:
    """One thing that can be done, in the contract's words."""

    name: str
    wording: str
    is_default: bool = False
    is_favourable: bool = False


@dataclass(frozen=True)
class UseCaseLines:
    """What is decided, about whom, what counts as money, and which outcomes count.

    ``maturity_days``: after so many days a decision's outcome is due, and its money counts; ``is_due_sooner``: of some
    it is due sooner. ``is_window_by_time_seen``: nobody says when one happened, so the time it was seen stands in.
    ``absent_means``: what no outcome says, "unknown" or "0".
    ``for_everyone``: the wording of the action that a replay gives to everyone for comparison. ``is_observing``:
    another system decides now.
    """

    name: str
    title: str
    description: str
    noun: str
    currency: str
    explanation: str
    outcome: str
    actions: tuple[ActionLine, ...]
    owner: str = ""
    maturity_days: float | None = None
    is_due_sooner: bool = False
    is_window_by_time_seen: bool = False
    absent_means: str = "unknown"
    for_everyone: str = ""
    is_observing: bool = False

    def wording(self, action: str) -> str:
        """The contract's wording of an action; the name itself when the contract no longer has it."""
        return next((line.wording for line in self.actions if line.name == action), action)


@dataclass(frozen=True)
class PeriodMoney:
    """Money of one period; ``period`` is a month ("2005-06") or a day ("2005-06-08"), totals in currency.

    ``held_back``: cohorts of the period whose figures lean on too few outcomes, or that a person excluded. ``year``:
    the year that it is a part of, measured as one, where not every part of it can tell its money. ``left_out``: why
    decisions of it are counted in no money, and how many, as far as that was measured.
    """

    period: str
    decisions: int
    policy: Estimate
    rules: Estimate
    difference: Estimate
    is_mature: bool
    decided_by: tuple[str, ...]
    held_back: tuple[str, ...] = ()
    year: PeriodMoney | None = None
    left_out: tuple[tuple[str, int], ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether its money, that of the rules and the difference are all known."""
        return self.policy.is_known and self.rules.is_known and self.difference.is_known

    @property
    def is_by_rules(self) -> bool:
        """True when the rules decided in this period, and no model; False where nobody is known to have decided."""
        return set(self.decided_by) == {RULES}

    @property
    def is_observed(self) -> bool:
        """True when another system decided in this period, at least in part."""
        return OTHERS in self.decided_by

    @property
    def is_by_model(self) -> bool:
        """True when a model decided in this period, at least in part."""
        return bool({*self.decided_by} - {RULES, DEFAULT, OTHERS})


@dataclass(frozen=True)
class Headline:
    """The verdict in one sentence, the few that follow it, and how much the page covers.

    ``doubts``: those of the ``standfirst`` that say how sure the verdict is; ``against``: those of them that would take
    a yes back, because the interval itself or one month alone is not to be relied on.
    """

    verdict: str
    standfirst: tuple[str, ...] = ()
    scope: str = ""
    doubts: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeriodTruth:
    """What only a replay can know: the true money of four ways to decide, totals in currency.

    ``..._error``: 95 % half-widths where a recorded experiment gives an estimate of it only; 0 where it is known.
    ``unrecorded_n``: decisions that these totals leave out, because nobody recorded what came of them.
    """

    period: str
    policy: float | None
    rules: float | None
    everyone: float | None
    hindsight: float | None
    policy_error: float = 0.0
    rules_error: float = 0.0
    difference_error: float = 0.0
    unrecorded_n: int = 0
    everyone_error: float = 0.0

    @property
    def is_estimated(self) -> bool:
        """Whether a recorded experiment estimates it, and nobody knows it."""
        return self.policy_error > 0

    @property
    def difference(self) -> float | None:
        """The loop's money less that of the rules."""
        return None if self.policy is None or self.rules is None else self.policy - self.rules


@dataclass(frozen=True)
class PeriodCapture:
    """What only a replay in full can know: a period's money beside that of a loop which is told every outcome."""

    period: str
    money: Captured


@dataclass(frozen=True)
class Definition:
    """A word of the page and what it means."""

    term: str
    meaning: str


@dataclass(frozen=True)
class BesideLines:
    """What the last audit found of a release that is scored beside the champion, in sentences."""

    release: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """The whole page. ``interval_level`` is the confidence of every interval; empty parts are left out.

    ``tried``: how much has been tried of what the rules would not do, while they decide; None where nothing must be.
    """

    use_case: UseCaseLines
    first: date
    last: date
    headline: Headline
    standing: Standing = field(default_factory=Standing)
    tried: TriedOtherwise | None = None
    money: tuple[PeriodMoney, ...] = ()
    releases: tuple[ReleaseEventLine, ...] = ()
    beside: tuple[BesideLines, ...] = ()
    bad_release: BadRelease | None = None
    batches: tuple[BatchLine, ...] = ()
    performance: tuple[CohortPerformance, ...] = ()
    verdicts: tuple[VerdictStory, ...] = ()
    actions: tuple[ActionFigures, ...] = ()
    promises: tuple[Promise, ...] = ()
    legacy: LegacyLines | None = None
    overrides: OverrideLines | None = None
    explored: Explored | None = None
    features: ReviewedFeatures | None = None
    impact: tuple[ImpactLine, ...] = ()
    minimum_impact_ratio: float = 0.8
    worked: WorkedDecision | None = None
    serving: ServingLines | None = None
    monitoring: Monitoring | None = None
    alerts: tuple[AlertLine, ...] = ()
    quality: DataQualitySummary | None = None
    ledger: tuple[tuple[str, int], ...] = ()
    truth: tuple[PeriodTruth, ...] = ()
    captured: tuple[PeriodCapture, ...] = ()
    experiment: Experiment | None = None
    next: WhatNext = NOTHING_NEXT
    stop_losses: StopLosses | None = None
    caveats: tuple[Caveat, ...] = ()
    events: tuple[KnownEvent, ...] = ()
    notes: tuple[str, ...] = ()
    definitions: tuple[Definition, ...] = ()
    interval_level: float = 0.95
