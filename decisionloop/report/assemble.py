"""The story of a use case, read from its ledger. What only a replay knows comes in beside it, never from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import Batch, batches
from decisionloop.ledger.releases import Release, ReleaseEvent, champion, current_stages, release_events
from decisionloop.ledger.stage_costs import batch_costs
from decisionloop.ledger.verdicts import find_training_set, verdicts
from decisionloop.report.read import decisions as reads
from decisionloop.report.read.batches import Handled, alert_lines, batch_lines, quality_summary
from decisionloop.report.read.costs import serving_lines
from decisionloop.report.read.measurements import (
    Measured,
    impact_lines,
    performance,
    periods_of_money,
    total_cost_of_exploration,
)
from decisionloop.report.read.monitoring import read_monitoring
from decisionloop.report.read.releases import reference_auc, release_lines, verdict_lines
from decisionloop.report.read.worked_decision import worked_decision
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import Explored
from decisionloop.report.record.story import ActionLine, PeriodTruth, Story, UseCaseLines
from decisionloop.report.words.glossary import definitions_for, notes_for
from decisionloop.report.words.money import headline
from decisionloop.report.words.naming import ReleaseNames, StoryClock, release_names

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.snapshots import SnapshotStore

EXPLORATION = "exploration"
TRUTH_COLUMNS = ("period", "policy", "rules", "everyone", "hindsight")


def assemble_story(
    ledger: Ledger,
    use_case: UseCase,
    truth: pd.DataFrame | None = None,
    snapshots: SnapshotStore | None = None,
    interval_level: float = 0.95,
) -> Story:
    """Read the whole story.

    ``truth``: one row a period, columns period ("2005-06"), policy, rules, everyone, hindsight: true money in
    currency, known to a replay only. ``snapshots``: where features lie; without it the worked decision shows
    neither features nor money. ``interval_level``: the confidence that the measurements were made with.
    """
    name = use_case.name
    found = batches(ledger, name)
    handled = _handled(ledger, name, found)
    names = _names(ledger, use_case, found)
    deciders = handled.deciders()
    measured = Measured(reads.newest_measurements(ledger, name), deciders)
    clock = StoryClock(found)
    case = use_case_lines(use_case)
    money = periods_of_money(measured, handled.decided(), names)
    lines = batch_lines(handled, names)
    first, last = _span(found)
    return Story(
        use_case=case,
        first=first,
        last=last,
        headline=headline(case, money, lines),
        money=money,
        releases=release_lines(_stage_events(ledger, names), names, clock),
        batches=lines,
        performance=performance(measured, names),
        auc_threshold=_auc_threshold(ledger, use_case),
        verdicts=verdict_lines(verdicts(ledger, name), names),
        explored=_explored(ledger, name, handled, total_cost_of_exploration(measured)),
        impact=impact_lines(measured, use_case),
        minimum_impact_ratio=use_case.gate.minimum_impact_ratio,
        worked=worked_decision(ledger, use_case, names, snapshots),
        serving=serving_lines(batch_costs(ledger, name), len(found), money, names),
        monitoring=read_monitoring(ledger, use_case, deciders),
        alerts=alert_lines(alerts(ledger, name), clock),
        quality=quality_summary(handled.results, _fault_rows(ledger, name)),
        ledger=reads.ledger_counts(ledger, name),
        truth=truth_lines(truth),
        notes=notes_for(use_case),
        definitions=definitions_for(use_case),
        interval_level=interval_level,
    )


def use_case_lines(use_case: UseCase) -> UseCaseLines:
    """What the page says of the contract."""
    outcome = use_case.outcome
    return UseCaseLines(
        name=use_case.name,
        title=use_case.title,
        description=use_case.description,
        noun=use_case.entity.noun,
        currency=use_case.economics.currency,
        explanation=use_case.economics.explanation,
        outcome=outcome.class_.wording if outcome.class_ else "",
        actions=tuple(ActionLine(one.name, one.wording, one.is_default, one.is_favourable) for one in use_case.actions),
        owner=use_case.approval.owner,
        window_days=outcome.window_days,
        is_window_by_time_seen=outcome.happened_at is None,
        absent_means=outcome.absent_means,
    )


def truth_lines(truth: pd.DataFrame | None) -> tuple[PeriodTruth, ...]:
    """The replay's truth by period."""
    if truth is None:
        return ()
    rows = truth.sort_values("period", kind="stable")[list(TRUTH_COLUMNS)].itertuples(index=False)
    return tuple(
        PeriodTruth(str(row[0]), *(Estimate.of(None if pd.isna(v) else float(v)).value for v in row[1:]))
        for row in rows
    )


def _handled(ledger: Ledger, name: str, found: tuple[Batch, ...]) -> Handled:
    return Handled(
        batches=found,
        counts=reads.decision_counts(ledger, name),
        frozen=reads.batch_details(ledger, name, "frozen"),
        halted=reads.batch_details(ledger, name, "halted"),
        results=reads.validation_results(ledger, name),
    )


def _names(ledger: Ledger, use_case: UseCase, found: tuple[Batch, ...]) -> ReleaseNames:
    releases = [stage.release for stage in current_stages(ledger, use_case.name)]
    years = len({batch.as_of.year for batch in found}) or 1
    return release_names(releases, _trained_on(ledger, releases), years)


def _stage_events(ledger: Ledger, names: ReleaseNames) -> list[ReleaseEvent]:
    return [event for release_id in names.kinds for event in release_events(ledger, release_id)]


def _trained_on(ledger: Ledger, releases: list[Release]) -> Mapping[str, date]:
    """The as-of of each release's training set, by release id."""
    days = {}
    for release in releases:
        trained = find_training_set(ledger, release.training_set_id) if release.training_set_id else None
        if trained is not None:
            days[release.release_id] = trained.as_of.date()
    return days


def _span(found: tuple[Batch, ...]) -> tuple[date, date]:
    """First and last as-of; today where there is no batch yet."""
    days = [batch.as_of.date() for batch in found] or [datetime.now(UTC).date()]
    return min(days), max(days)


def _auc_threshold(ledger: Ledger, use_case: UseCase) -> float | None:
    """AUC of the deciding model at its release, less the drop that the contract bears."""
    decides = champion(ledger, use_case.name)
    reference = reference_auc(decides.release if decides else None)
    return None if reference is None else reference - use_case.monitors.maximum_auc_drop


def _fault_rows(ledger: Ledger, name: str) -> int:
    details = reads.batch_details(ledger, name, "validated").values()
    return sum(int(detail.get("fault_rows") or 0) for detail in details)


def _explored(ledger: Ledger, name: str, handled: Handled, cost: Estimate) -> Explored | None:
    if not handled.counts:
        return None
    seen = reads.outcome_counts(ledger, name)
    of_explored = [one for one in seen if one.role == EXPLORATION]
    return Explored(
        decisions=sum(one.decisions for one in handled.counts if one.role == EXPLORATION),
        all_decisions=sum(one.decisions for one in handled.counts),
        cost=cost,
        outcomes_seen=sum(one.outcomes for one in of_explored),
        yes_rate=_yes_rate(of_explored),
        other_yes_rate=_yes_rate([one for one in seen if one.role != EXPLORATION]),
    )


def _yes_rate(seen: Sequence[reads.OutcomeCount]) -> float | None:
    known = sum(one.classes for one in seen)
    return sum(one.yes for one in seen) / known if known else None
