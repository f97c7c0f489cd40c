"""The story of a use case, read from its ledger. What only a replay knows comes in beside it, never from there."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from decisionloop.act.legacy import LEGACY
from decisionloop.contract import UseCase
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import Batch
from decisionloop.ledger.releases import current_stages
from decisionloop.ledger.stage_costs import batch_costs
from decisionloop.ledger.verdicts import Verdict, verdicts
from decisionloop.report.read import decisions as reads
from decisionloop.report.read.batches import Handled, alert_lines, batch_lines, quality_summary
from decisionloop.report.read.beside import caveats_of, known_events
from decisionloop.report.read.beside_champion import beside_lines
from decisionloop.report.read.costs import serving_lines
from decisionloop.report.read.evidence import action_lines, promises
from decisionloop.report.read.exploring import planned_by_batch, planned_in_all
from decisionloop.report.read.features import reviewed_features
from decisionloop.report.read.gathered import Gathered, gather, use_case_lines, with_logged_actions
from decisionloop.report.read.impact import impact_lines
from decisionloop.report.read.legacy import legacy_lines
from decisionloop.report.read.measurements import (
    Measured,
    performance,
    periods_of_money,
    total_cost_of_exploration,
)
from decisionloop.report.read.monitoring import read_monitoring
from decisionloop.report.read.overrides import override_lines
from decisionloop.report.read.releases import reference_auc, release_lines, verdict_lines
from decisionloop.report.read.standing import standing_of
from decisionloop.report.read.stop_loss import stop_losses_of
from decisionloop.report.read.trying import tried_otherwise
from decisionloop.report.read.what_next import what_next
from decisionloop.report.read.worked_decision import worked_decision
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import Explored, Otherwise
from decisionloop.report.record.story import PeriodCapture, PeriodMoney, PeriodTruth, Story, UseCaseLines
from decisionloop.report.record.totals import covered
from decisionloop.report.record.truth import check_truth
from decisionloop.report.words.beside import grave_caveats
from decisionloop.report.words.glossary import definitions_for, notes_for
from decisionloop.report.words.headline import headline
from decisionloop.report.words.naming import ReleaseNames, StoryClock

if TYPE_CHECKING:
    from decisionloop.learn.capture import Captured
    from decisionloop.ledger.storage.engine import Ledger
from decisionloop.snapshots import SnapshotStore

EXPLORATION = "exploration"
TRUTH_COLUMNS = ("period", "policy", "rules", "everyone", "hindsight")
TRUTH_ERRORS = ("policy_error", "rules_error", "difference_error", "everyone_error")


@dataclass(frozen=True, eq=False)
class Sources:
    """What every part of a story is read from. ``snapshots``, ``interval_level``: as `assemble_story` has them."""

    ledger: Ledger
    use_case: UseCase
    read: Gathered
    case: UseCaseLines
    clock: StoryClock
    judged: Sequence[Verdict]
    money: tuple[PeriodMoney, ...]
    snapshots: SnapshotStore | None
    interval_level: float

    @property
    def names(self) -> ReleaseNames:
        """What people call each release."""
        return self.read.names

    @property
    def handled(self) -> Handled:
        """What became of each batch."""
        return self.read.handled

    @property
    def measured(self) -> Measured:
        """The newest measurements."""
        return self.read.measured


PARTS: Mapping[str, Callable[[Sources], Any]] = {
    "standing": lambda on: standing_of(on.ledger, on.case.name, on.read),
    "tried": lambda on: tried_otherwise(on.ledger, on.use_case, on.handled.batches),
    "money": lambda on: on.money,
    "releases": lambda on: release_lines(on.read.events, on.names, on.clock),
    "beside": lambda on: beside_lines(on.ledger, on.use_case, on.names),
    "batches": lambda on: batch_lines(on.handled, on.names),
    "performance": lambda on: performance(on.measured, on.names, _auc_thresholds(on.ledger, on.use_case)),
    "verdicts": lambda on: verdict_lines(on.judged, on.names, on.read.events),
    "actions": lambda on: action_lines(on.measured, on.names, on.use_case),
    "promises": lambda on: promises(on.judged, on.read.events, on.measured, on.names),
    "legacy": lambda on: legacy_lines(on.ledger, on.case.name, on.measured, on.names),
    "overrides": lambda on: override_lines(on.ledger, on.case.name),
    "explored": lambda on: _explored(on),
    "features": lambda on: reviewed_features(on.ledger, on.use_case),
    "impact": lambda on: impact_lines(on.measured, on.use_case, on.interval_level),
    "minimum_impact_ratio": lambda on: on.use_case.gate.minimum_impact_ratio,
    "worked": lambda on: worked_decision(on.ledger, on.use_case, on.names, on.snapshots),
    "serving": lambda on: serving_lines(
        batch_costs(on.ledger, on.case.name), len(on.handled.batches), on.money, on.names
    ),
    "monitoring": lambda on: read_monitoring(on.ledger, on.use_case, on.handled.deciders()),
    "alerts": lambda on: alert_lines(alerts(on.ledger, on.case.name), on.clock),
    "quality": lambda on: quality_summary(on.handled.results, _fault_rows(on.ledger, on.case.name)),
    "ledger": lambda on: reads.ledger_counts(on.ledger, on.case.name),
    "stop_losses": lambda on: stop_losses_of(on.ledger, on.use_case),
    "events": lambda on: known_events(on.use_case),
    "notes": lambda on: notes_for(on.use_case),
    "definitions": lambda on: definitions_for(on.use_case),
    "interval_level": lambda on: on.interval_level,
    "next": lambda on: what_next(on.use_case, on.handled.batches, on.read.events),
}
"""How each field of a `Story` is read, by its name; the others are made of several of them in `assemble_story`."""


def assemble_story(
    ledger: Ledger,
    use_case: UseCase,
    truth: pd.DataFrame | None = None,
    snapshots: SnapshotStore | None = None,
    interval_level: float = 0.95,
    captured: Mapping[str, Captured] | None = None,
) -> Story:
    """Read the whole story.

    ``truth``: one row a period, columns period ("2005-06"), policy, rules, everyone, hindsight: true money in
    currency, known to a replay only (policy_error, rules_error, difference_error: where an experiment estimates it).
    ``snapshots``: where features lie; without it the worked decision shows neither features nor money.
    ``interval_level``: the confidence that the measurements were made with. ``captured``: by period, what a replay in
    full knows of the loop beside one with free information.
    """
    on = _sources(ledger, use_case, snapshots, interval_level)
    first, last = _span(on.handled.batches)
    known, caveats = truth_lines(truth), caveats_of(ledger, use_case, on.money)
    check = check_truth(known, on.money, interval_level) if known else None
    parts = {name: read(on) for name, read in PARTS.items()}
    return Story(
        use_case=on.case,
        first=first,
        last=last,
        headline=headline(on.case, on.money, parts["batches"], check, grave_caveats(caveats)),
        truth=known,
        captured=tuple(PeriodCapture(period, money) for period, money in (captured or {}).items()),
        caveats=caveats,
        **parts,
    )


def _sources(ledger: Ledger, use_case: UseCase, snapshots: SnapshotStore | None, interval_level: float) -> Sources:
    read = gather(ledger, use_case.name)
    return Sources(
        ledger=ledger,
        use_case=use_case,
        read=read,
        case=with_logged_actions(use_case_lines(use_case), read.handled),
        clock=StoryClock(read.handled.batches),
        judged=verdicts(ledger, use_case.name),
        money=periods_of_money(read.measured, read.handled.decided(), read.names),
        snapshots=snapshots,
        interval_level=interval_level,
    )


def truth_lines(truth: pd.DataFrame | None) -> tuple[PeriodTruth, ...]:
    """The replay's truth by period; the errors are 0 where the frame has none."""
    if truth is None:
        return ()
    whole = truth.sort_values("period", kind="stable").reindex(columns=[*TRUTH_COLUMNS, *TRUTH_ERRORS, "unrecorded_n"])
    return tuple(_period_truth(row) for row in whole.to_dict("records"))


def _period_truth(row: Mapping[Hashable, Any]) -> PeriodTruth:
    def known(name: str) -> float | None:
        return None if pd.isna(row[name]) else Estimate.of(float(row[name])).value

    return PeriodTruth(
        period=str(row["period"]),
        policy=known("policy"),
        rules=known("rules"),
        everyone=known("everyone"),
        hindsight=known("hindsight"),
        policy_error=known("policy_error") or 0.0,
        rules_error=known("rules_error") or 0.0,
        difference_error=known("difference_error") or 0.0,
        everyone_error=known("everyone_error") or 0.0,
        unrecorded_n=int(known("unrecorded_n") or 0),
    )


def _span(found: tuple[Batch, ...]) -> tuple[date, date]:
    """First and last as-of; today where there is no batch yet."""
    days = [batch.as_of.date() for batch in found] or [datetime.now(UTC).date()]
    return min(days), max(days)


def _auc_thresholds(ledger: Ledger, use_case: UseCase) -> dict[str, float]:
    """By release, its AUC when it was made less the drop that the contract bears."""
    known = ((one.release_id, reference_auc(one.release)) for one in current_stages(ledger, use_case.name))
    return {name: auc - use_case.monitors.maximum_auc_drop for name, auc in known if auc is not None}


def _fault_rows(ledger: Ledger, name: str) -> int:
    details = reads.batch_details(ledger, name, "validated").values()
    return sum(int(detail.get("fault_rows") or 0) for detail in details)


def _explored(on: Sources) -> Explored | None:
    standing = on.handled.standing
    if not standing or all(one.role == LEGACY for one in standing):
        return None
    seen = reads.outcome_counts(on.ledger, on.case.name)
    of_explored = [one for one in seen if one.role == EXPLORATION]
    return Explored(
        decisions=sum(one.decisions for one in standing if one.role == EXPLORATION),
        all_decisions=sum(one.decisions for one in standing),
        cost=total_cost_of_exploration(on.measured, on.money),
        outcomes_seen=sum(one.outcomes for one in of_explored),
        yes_rate=_yes_rate(of_explored),
        other_yes_rate=_yes_rate([one for one in seen if one.role != EXPLORATION]),
        otherwise=_otherwise(on.use_case),
        planned=planned_in_all(planned_by_batch(on.ledger, on.use_case)),
        cost_counted=total_cost_of_exploration(on.measured, covered(on.money)),
    )


def _otherwise(use_case: UseCase) -> Otherwise:
    """What would be known of outcomes without exploring: with one revealing action it stood against silent ones."""
    if all(use_case.revealing):
        return "seen"
    return "unseen" if sum(use_case.revealing) == 1 else "partly"


def _yes_rate(seen: Sequence[reads.OutcomeCount]) -> float | None:
    known = sum(one.classes for one in seen)
    return sum(one.yes for one in seen) / known if known else None
