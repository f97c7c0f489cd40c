"""What the story, the status and the live page all begin from, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import Batch, batches, cohort_name
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.measured_cohorts import measured_cohorts
from decisionloop.ledger.releases import Release, ReleaseEvent, current_stages, events_of_releases
from decisionloop.ledger.verdicts import training_sets
from decisionloop.ledger.watching_periods import unfinished_of_stream
from decisionloop.ledger.withdrawing import withdrawn_before_decided
from decisionloop.report.read import decisions as reads
from decisionloop.report.read.batches import Handled
from decisionloop.report.read.decisions import DecisionCount
from decisionloop.report.read.measurements import Measured
from decisionloop.report.read.replay_truth import for_everyone
from decisionloop.report.record.story import ActionLine, UseCaseLines
from decisionloop.report.words.naming import ReleaseNames, release_names

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


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
    every = batches(ledger, name)
    gone = gone_by_month(every)  # of these nobody can tell any more
    found = tuple(one for one in every if one.state != "expired" and one.batch_id not in not_over)
    handled, names = _handled(ledger, name, found), names_of_releases(ledger, name, found)
    held = tuple(held_cohorts(ledger, name))
    figures = tuple(one for one in reads.newest_measurements(ledger, name) if one.cohort not in gone)
    measured = Measured(figures, handled.deciders(), held, handled.trials())
    return Gathered(handled, measured, names, _stage_events(ledger, name, names))


def gone_by_month(every: Sequence[Batch]) -> frozenset[str]:
    """The cohorts whose decisions are kept no longer, and the months of which that is all."""
    gone = {cohort_name(one.as_of) for one in every if one.state == "expired"}
    left = {cohort_name(one.as_of)[:7] for one in every if one.state != "expired"}
    return frozenset(gone | {one[:7] for one in gone if one[:7] not in left})


def with_logged_actions(case: UseCaseLines, handled: Handled) -> UseCaseLines:
    """With the actions that were taken and that the contract has no longer, by the names that were logged."""
    known = {one.name for one in case.actions}
    gone = sorted({one.action for one in handled.counts} - known)
    return replace(case, actions=(*case.actions, *(ActionLine(one, one.replace("_", " ")) for one in gone)))


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
        maturity_days=outcome.maturity_days,
        is_due_sooner=bool(outcome.due),
        is_window_by_time_seen=outcome.happened_at is None,
        absent_means=outcome.absent_means,
        for_everyone=use_case.actions[for_everyone(use_case)].wording,
        is_observing=use_case.is_observing,
    )


def _handled(ledger: Ledger, name: str, found: tuple[Batch, ...]) -> Handled:
    decided = reads.batch_details(ledger, name, "decided")
    covered = reads.batch_details(ledger, name, "covered")
    withdrew = {batch_id: detail for batch_id, detail in covered.items() if detail.get("answered_meanwhile")}
    return Handled(
        batches=found,
        counts=_without_withdrawn(ledger, reads.decision_counts(ledger, name), {**withdrew, **decided}),
        frozen=reads.batch_details(ledger, name, "frozen"),
        halted=reads.batch_details(ledger, name, "halted"),
        results=reads.validation_results(ledger, name),
        decided_detail=decided,
        measured=measured_cohorts(ledger, name),
    )


def _without_withdrawn(
    ledger: Ledger, counts: Sequence[DecisionCount], decided: Mapping[str, Mapping[str, Any]]
) -> tuple[DecisionCount, ...]:
    """The decisions that stand: without those of people who were answered meanwhile, which their batches withdrew."""
    withdrawn = {
        (batch_id, one.release_id, one.role, one.action): one.decisions
        for batch_id, detail in decided.items()
        if detail.get("answered_meanwhile")
        for one in withdrawn_before_decided(ledger, batch_id)
    }
    left = (
        replace(one, decisions=one.decisions - withdrawn.get((one.batch_id, one.release_id, one.role, one.action), 0))
        for one in counts
    )
    return tuple(one for one in left if one.decisions)


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
