"""The story of a use case, read from its ledger. What only a replay knows comes in beside it, never from there."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from decisionloop.act.legacy import LEGACY
from decisionloop.contract import UseCase
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.batches import Batch, batches
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.releases import Release, ReleaseEvent, current_stages, events_of_releases
from decisionloop.ledger.stage_costs import batch_costs
from decisionloop.ledger.verdicts import training_sets, verdicts
from decisionloop.ledger.watching_periods import unfinished_of_stream
from decisionloop.report.read import decisions as reads
from decisionloop.report.read.batches import Handled, alert_lines, batch_lines, quality_summary
from decisionloop.report.read.beside import caveats_of, known_events
from decisionloop.report.read.beside_champion import beside_lines
from decisionloop.report.read.costs import serving_lines
from decisionloop.report.read.evidence import action_lines, promises
from decisionloop.report.read.exploring import planned_by_batch, planned_in_all
from decisionloop.report.read.features import reviewed_features
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
from decisionloop.report.read.replay_truth import for_everyone
from decisionloop.report.read.stop_loss import stop_losses_of
from decisionloop.report.read.worked_decision import worked_decision
from decisionloop.report.record.estimate import Estimate
from decisionloop.report.record.lines import Explored, Otherwise
from decisionloop.report.record.story import ActionLine, PeriodCapture, PeriodTruth, Story, UseCaseLines
from decisionloop.report.record.truth import check_truth
from decisionloop.report.words.beside import grave_caveats
from decisionloop.report.words.glossary import definitions_for, notes_for
from decisionloop.report.words.headline import headline
from decisionloop.report.words.naming import ReleaseNames, StoryClock, release_names

if TYPE_CHECKING:
    from decisionloop.learn.capture import Captured
    from decisionloop.ledger.storage.engine import Ledger
    from decisionloop.snapshots import SnapshotStore

EXPLORATION = "exploration"
TRUTH_COLUMNS = ("period", "policy", "rules", "everyone", "hindsight")
TRUTH_ERRORS = ("policy_error", "rules_error", "difference_error", "everyone_error")


@dataclass(frozen=True, eq=False)
class Gathered:
    """Who decided what, how it was measured, what releases are called, and every step of theirs."""

    handled: Handled
    measured: Measured
    names: ReleaseNames
    events: list[ReleaseEvent]


def gather(ledger: Ledger, name: str) -> Gathered:
    """Read once what the story, the status and the live page all tell of; ``name``: of which use case."""
    not_over = set(unfinished_of_stream(ledger, name))  # told of once nothing more comes into them
    found = tuple(one for one in batches(ledger, name) if one.batch_id not in not_over)
    handled, names = _handled(ledger, name, found), names_of_releases(ledger, name, found)
    held = tuple(held_cohorts(ledger, name))
    measured = Measured(reads.newest_measurements(ledger, name), handled.deciders(), held, handled.trials())
    return Gathered(handled, measured, names, _stage_events(ledger, name, names))


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
    name, read = use_case.name, gather(ledger, use_case.name)
    handled, measured, names = read.handled, read.measured, read.names
    clock, judged, case = StoryClock(handled.batches), verdicts(ledger, name), use_case_lines(use_case)
    money, lines = periods_of_money(measured, handled.decided(), names), batch_lines(handled, names)
    first, last = _span(handled.batches)
    known, caveats = truth_lines(truth), caveats_of(ledger, use_case, money)
    check = check_truth(known, money, interval_level) if known else None
    return Story(
        use_case=case,
        first=first,
        last=last,
        headline=headline(case, money, lines, check, grave_caveats(caveats)),
        money=money,
        releases=release_lines(read.events, names, clock),
        beside=beside_lines(ledger, use_case, names),
        batches=lines,
        performance=performance(measured, names, _auc_thresholds(ledger, use_case)),
        verdicts=verdict_lines(judged, names, read.events),
        actions=action_lines(measured.figures, use_case),
        promises=promises(judged, read.events, measured, names),
        legacy=legacy_lines(ledger, name, measured, names),
        overrides=override_lines(ledger, name),
        explored=_explored(ledger, use_case, handled, total_cost_of_exploration(measured)),
        features=reviewed_features(ledger, use_case),
        impact=impact_lines(measured, use_case, interval_level),
        minimum_impact_ratio=use_case.gate.minimum_impact_ratio,
        worked=worked_decision(ledger, use_case, names, snapshots),
        serving=serving_lines(batch_costs(ledger, name), len(handled.batches), money, names),
        monitoring=read_monitoring(ledger, use_case, handled.deciders()),
        alerts=alert_lines(alerts(ledger, name), clock),
        quality=quality_summary(handled.results, _fault_rows(ledger, name)),
        ledger=reads.ledger_counts(ledger, name),
        truth=known,
        stop_losses=stop_losses_of(ledger, use_case),
        captured=tuple(PeriodCapture(period, money) for period, money in (captured or {}).items()),
        caveats=caveats,
        events=known_events(use_case),
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
        for_everyone=use_case.actions[for_everyone(use_case)].wording,
        is_observing=use_case.is_observing,
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


def _handled(ledger: Ledger, name: str, found: tuple[Batch, ...]) -> Handled:
    return Handled(
        batches=found,
        counts=reads.decision_counts(ledger, name),
        frozen=reads.batch_details(ledger, name, "frozen"),
        halted=reads.batch_details(ledger, name, "halted"),
        results=reads.validation_results(ledger, name),
        decided_detail=reads.batch_details(ledger, name, "decided"),
    )


def names_of_releases(ledger: Ledger, name: str, found: tuple[Batch, ...]) -> ReleaseNames:
    """What people call each release of a use case; ``found``: all its batches."""
    releases = [stage.release for stage in current_stages(ledger, name)]
    years = len({batch.as_of.year for batch in found}) or 1
    return release_names(releases, _trained_on(ledger, name, releases), years)


def _stage_events(ledger: Ledger, name: str, names: ReleaseNames) -> list[ReleaseEvent]:
    """Every step of every release, release by release."""
    order = {release_id: number for number, release_id in enumerate(names.kinds)}
    told = events_of_releases(ledger, name)
    return sorted(told, key=lambda one: (order.get(one.release_id, len(order)), one.seq))


def _trained_on(ledger: Ledger, name: str, releases: list[Release]) -> Mapping[str, date]:
    """The as-of of each release's training set, by release id."""
    taught = {one.training_set_id: one.as_of.date() for one in training_sets(ledger, name)}
    return {
        one.release_id: taught[one.training_set_id]
        for one in releases
        if one.training_set_id and one.training_set_id in taught
    }


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


def _explored(ledger: Ledger, use_case: UseCase, handled: Handled, cost: Estimate) -> Explored | None:
    if not handled.standing or all(one.role == LEGACY for one in handled.standing):
        return None
    seen = reads.outcome_counts(ledger, use_case.name)
    of_explored = [one for one in seen if one.role == EXPLORATION]
    return Explored(
        decisions=sum(one.decisions for one in handled.standing if one.role == EXPLORATION),
        all_decisions=sum(one.decisions for one in handled.standing),
        cost=cost,
        outcomes_seen=sum(one.outcomes for one in of_explored),
        yes_rate=_yes_rate(of_explored),
        other_yes_rate=_yes_rate([one for one in seen if one.role != EXPLORATION]),
        otherwise=_otherwise(use_case),
        planned=planned_in_all(planned_by_batch(ledger, use_case)),
    )


def _otherwise(use_case: UseCase) -> Otherwise:
    """What would be known of outcomes without exploring: with one revealing action it stood against silent ones."""
    if all(use_case.revealing):
        return "seen"
    return "unseen" if sum(use_case.revealing) == 1 else "partly"


def _yes_rate(seen: Sequence[reads.OutcomeCount]) -> float | None:
    known = sum(one.classes for one in seen)
    return sum(one.yes for one in seen) / known if known else None
