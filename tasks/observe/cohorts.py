"""Measure cohorts that are mature, and again when outcomes of them have come in; watch and explain each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from decisionloop.ledger.batches import Batch, batch_id_of, cohort_name, find_batch, time_of_cohort
from decisionloop.ledger.held_actions import is_any_carried_out
from decisionloop.ledger.measured_cohorts import LastMeasured, last_measured, unmeasured_batches
from decisionloop.ledger.measurements import append_measurements
from decisionloop.ledger.outcomes import Reading, outcome_news
from decisionloop.monitor.watching.watch_cohort import watch_cohort
from decisionloop.monitor.watching.watch_legacy import watch_legacy_cohort
from decisionloop.observe.estimated_performance import estimation_errors
from decisionloop.workspace import Workspace, open_workspace
from tasks.observe.estimated_performance import estimated_before
from tasks.observe.failures import explain_failures
from tasks.observe.late_arrivals import late_arrivals_before
from tasks.observe.pooled_spans import measure_spans
from tasks.readback.cohort import read_cohort
from tasks.readback.maturity import mature_at
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.cohorts import cohorts_before
from tasks.watch.entity_money import keep_entity_money
from tasks.watch.impact_causes import impact_gaps
from tasks.watch.labels import keep_in_curve, labels_of
from tasks.watch.measurement import measurement_of


@step
def measure_cohorts(use_case: str, as_of: datetime) -> int:
    """Measure every cohort that is mature by ``as_of`` with what was known then; returns how many.

    A cohort is judged and explained once, when it is measured first. It is measured again whenever outcomes of it have
    come in since; readers take the newest figures. A month whose cohorts are too small to tell is measured as one.
    """
    workspace = open_workspace(use_case)
    measured = last_measured(workspace.ledger, use_case)
    due = [one for one in _due(workspace, measured, as_of) if is_any_carried_out(workspace.ledger, one.batch_id)]
    for batch in due:
        _measure(workspace, batch, as_of, is_first=cohort_name(batch.as_of) not in measured)
    measure_spans(workspace, due, as_of)
    return len(due)


def _due(workspace: Workspace, measured: Mapping[str, LastMeasured], as_of: datetime) -> list[Batch]:
    """Mature cohorts that were never measured, or of which outcomes have come in since and were known at ``as_of``."""
    ledger, name = workspace.ledger, workspace.use_case.name
    news = outcome_news(ledger, name)
    again = [cohort for cohort, last in measured.items() if _is_news(last, news.get(cohort, ()), as_of)]
    known = [find_batch(ledger, batch_id_of(name, time_of_cohort(cohort))) for cohort in again]
    decided = [one for one in known if one is not None and one.is_decided and one.as_of <= as_of]
    found = sorted([*unmeasured_batches(ledger, name, as_of), *decided], key=lambda one: one.as_of)
    return [one for one, at in zip(found, mature_at(workspace, found), strict=True) if at <= as_of]


def _measure(workspace: Workspace, batch: Batch, as_of: datetime, is_first: bool) -> None:
    """Measure a mature cohort; the first time its failures are explained and its findings raised as well.

    The alarm budget is for one look.
    """
    use_case, name = workspace.use_case, cohort_name(batch.as_of)
    cohort = read_cohort(workspace, batch, as_of)
    labels = labels_of(workspace, batch, as_of)
    before = cohorts_before(workspace, batch, cohort.release_id, as_of)
    late = late_arrivals_before(workspace, batch, as_of)
    watch = watch_legacy_cohort if cohort.use_case.is_observing else watch_cohort
    watched = watch(cohort, labels.watched, before, late)
    figures = [*watched.figures, *estimation_errors(cohort, estimated_before(workspace, batch, cohort.release_id))]
    is_complete = labels.watched.state(use_case).is_complete
    if is_first:
        if not cohort.use_case.is_observing:  # what came of others' decisions is no failure of ours
            explain_failures(workspace, batch, cohort, as_of, is_complete)
            figures += impact_gaps(workspace, cohort)  # of the features: no outcome changes it
        occasion = Occasion(as_of, batch.batch_id, len(cohort.log), batch.as_of, is_mature=True)
        raise_alarms(workspace, watched.findings, occasion)
    if is_complete:  # what fell short never becomes usual
        keep_in_curve(workspace, batch, labels.arrivals, as_of)
    keep_entity_money(workspace, batch, watched.entities, as_of)
    # What was measured says that the cohort is done with until there is news of it, so it comes last.
    append_measurements(workspace.ledger, [measurement_of(use_case.name, name, as_of, one) for one in figures])
    announce("cohort.measured", use_case.name, batch.batch_id, {"cohort": name, "is_first": is_first})


def _is_news(last: LastMeasured, readings: Sequence[Reading], as_of: datetime) -> bool:
    """Whether outcomes of a cohort have come in since it was measured last and were known at ``as_of``."""
    return any(one.as_of <= as_of and (one.at > last.made_at or one.as_of > last.known_at) for one in readings)
