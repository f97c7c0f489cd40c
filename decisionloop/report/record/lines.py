"""What the record holds, line by line: releases, batches, performance, verdicts, groups, one decision, alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.exploring import PlannedExploring


@dataclass(frozen=True)
class ReleaseEventLine:
    """One step in the life of a release."""

    on: date
    release: str
    kind: str
    stage: str
    reason: str
    decided_by: str = ""


@dataclass(frozen=True)
class BatchLine:
    """One batch: who decided it, how, and what was noticed. ``shares`` are (action name, share of decisions).

    ``on_trial``: who decided a part of it beside the champion, "" where nobody did.

    ``rows`` fell due; of a batch that was halted or is not decided yet none of them is a decision. ``outside``: the
    share in which the rules decided because the model had too little to go by; None where nothing keeps it to that.
    ``is_measured``: whether its outcomes are complete, and its money is measured where it can be told.
    ``withdrawn``: how many more it had logged, of people who were answered one at a time meanwhile.
    """

    as_of: date
    state: str
    rows: int
    champion: str
    shares: tuple[tuple[str, float], ...]
    halted_reason: str = ""
    warnings: tuple[str, ...] = ()
    outside: float | None = None
    on_trial: str = ""
    is_measured: bool = True
    withdrawn: int = 0

    @property
    def is_decided(self) -> bool:
        """Whether its decisions stand: it was neither halted nor left unfinished."""
        return self.state in {"decided", "complete"}

    @property
    def decisions(self) -> int:
        """How many decisions it made: none where it was halted."""
        return self.rows if self.is_decided else 0


@dataclass(frozen=True)
class CohortPerformance:
    """How well a release foresaw one cohort. Rates are shares in [0, 1]; ``is_deciding``: it was no shadow.

    ``held_back``: cohorts in it that may not judge, for their outcomes are missing or a person excluded them.
    ``auc_threshold``: the AUC of this release below which its successor is trained; None where its own is not known.
    """

    cohort: str
    release: str
    auc: Estimate
    predicted_rate: float | None
    observed_rate: float | None
    n: int
    effective_n: float | None = None
    is_deciding: bool = True
    held_back: tuple[str, ...] = ()
    auc_threshold: float | None = None


@dataclass(frozen=True)
class CheckLine:
    """One check of the gate; ``is_passed`` None means that it could not be answered."""

    name: str
    is_passed: bool | None
    sentence: str


@dataclass(frozen=True)
class VerdictStory:
    """What the gate said about one challenger: decision is promote, refuse or insufficient.

    ``asked``: how often the same look was repeated for want of evidence. ``became``: the stage that the challenger
    reached then, and why; a candidate may pass and yet be sent away, for another that passed as well.
    """

    as_of: date
    look: int
    challenger: str
    champion: str
    decision: str
    checks: tuple[CheckLine, ...]
    asked: int = 1
    became: str = ""
    became_because: str = ""
    challenger_id: str = ""

    @property
    def is_passed_over(self) -> bool:
        """Whether it passed its checks and was refused all the same."""
        return self.decision == "promote" and self.became == "refused"


Otherwise = Literal["unseen", "seen", "partly"]
"""What would be known of an outcome had nothing been explored: nothing, as much (of another action), or it depends."""


@dataclass(frozen=True)
class Explored:
    """What exploration cost and what it bought. Rates are shares of revealed outcomes that were a yes.

    ``planned``: what it was expected to come to beforehand, None where nobody agreed on it. ``cost_counted``: its cost
    in the periods that the money counts.
    """

    decisions: int
    all_decisions: int
    cost: Estimate
    outcomes_seen: int
    yes_rate: float | None
    other_yes_rate: float | None
    otherwise: Otherwise = "unseen"
    planned: PlannedExploring | None = None
    cost_counted: Estimate = field(default_factory=Estimate)


@dataclass(frozen=True)
class ImpactLine:
    """One group of a protected attribute, compared with the one chosen most often (``is_best``)."""

    cohort: str
    attribute: str
    group: str
    selection_rate: float | None
    ratio: Estimate
    n: int
    is_best: bool = False


@dataclass(frozen=True)
class FeatureLine:
    """One feature of the worked decision, in contract wording, its value already written out."""

    wording: str
    value: str


@dataclass(frozen=True)
class ActionValue:
    """What one action was expected to earn in the worked decision; None when it has no estimate.

    ``propensity``: the chance that it had, None where nobody kept it (decisions of earlier versions), or knows it.
    """

    action: str
    expected: float | None
    is_chosen: bool
    is_rules: bool
    propensity: float | None = None
    is_default: bool = False


@dataclass(frozen=True)
class ReasonLine:
    """One reason code: how far it moved the score (margin scale; positive raises it)."""

    wording: str
    value: str
    contribution: float | None


@dataclass(frozen=True)
class ExecutedLine:
    """What was executed of a decision as was last said ``on`` a day, by whom and why; "" where that was not said."""

    action: str
    by: str
    reason: str
    on: date


@dataclass(frozen=True)
class WorkedDecision:
    """One real decision from features to money. ``fallback_reason``: why not the champion alone chose freely, None: it
    did."""

    decision_id: str
    entity: str
    as_of: date
    release: str
    role: str
    features: tuple[FeatureLine, ...]
    score: float | None
    values: tuple[ActionValue, ...]
    action: str
    rules_action: str
    propensity: float | None
    reasons: tuple[ReasonLine, ...]
    outcome_class: int | None
    outcome_amount: float | None
    money: float | None
    executed: ExecutedLine | None = None
    fallback_reason: str | None = None


@dataclass(frozen=True)
class AlertLine:
    """One alarm, with its remedy."""

    on: date
    severity: str
    kind: str
    message: str
    remedy: str


@dataclass(frozen=True)
class FailedCheck:
    """A data-quality check that did not pass, summed over batches."""

    expectation: str
    column: str
    severity: str
    batches: int
    rows: int
    remedy: str


@dataclass(frozen=True)
class DataQualitySummary:
    """How the batches' data was checked."""

    checks: int
    batches: int
    failed: tuple[FailedCheck, ...]
    rows_to_rules: int


@dataclass(frozen=True)
class StageLine:
    """What one stage took over all batches. ``stage`` and ``whose`` are words; money in currency."""

    stage: str
    whose: str
    cpu_seconds: float
    bytes_stored: int
    money: float


@dataclass(frozen=True)
class ReleaseCostLine:
    """What a release cost for each of the ``rows`` that it decided or answered, in currency."""

    release: str
    rows: int
    per_row: float | None


@dataclass(frozen=True)
class ServingLines:
    """What serving cost. ``batches`` of ``all_batches`` were measured; ``earned``: value of a mature decision."""

    decisions: int
    batches: int
    all_batches: int
    cpu_seconds: float
    bytes_stored: int
    money: float
    is_priced: bool
    earned: float | None
    stages: tuple[StageLine, ...]
    releases: tuple[ReleaseCostLine, ...]

    @property
    def per_decision(self) -> float | None:
        """Money a decision, shadows included; None before the first decision."""
        return self.money / self.decisions if self.decisions else None
