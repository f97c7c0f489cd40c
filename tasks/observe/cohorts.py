"""Steps of observe: read outcomes, measure and judge mature cohorts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Select, select

from decisionloop.ledger.batches import Batch, batches
from decisionloop.ledger.measurements import append_measurements, measured_cohorts
from decisionloop.ledger.outcomes import append_intake, append_outcomes, intakes, recorded_outcomes
from decisionloop.ledger.schema import decision, utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.monitor.watching.watch_cohort import watch_cohort
from decisionloop.observe.estimated_performance import estimation_errors
from decisionloop.observe.intake import match_outcomes
from decisionloop.workspace import Workspace, open_workspace
from tasks.observe.estimated_performance import estimated_before
from tasks.observe.failures import explain_failures
from tasks.readback.cohort import cohort_name, read_cohort
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.watch.alarms import Occasion, raise_alarms
from tasks.watch.cohorts import cohorts_before
from tasks.watch.impact_causes import impact_gaps
from tasks.watch.labels import keep_in_curve, labels_of
from tasks.watch.measurement import measurement_of


@step
def read_outcomes(use_case: str, as_of: datetime) -> str:
    """Take in what the source has seen by ``as_of``; late, repeated and contradictory rows are accounted for.

    Reading again at the same as-of leaves the books as they are unless it brings something new.
    """
    workspace = open_workspace(use_case)
    since = as_of - timedelta(days=workspace.use_case.outcome.accepted_days)
    decided = _decisions(workspace, since, as_of)
    if decided.empty:
        return "nothing was decided yet"
    outcomes = workspace.source.outcomes(pd.Timestamp(as_of), decided)
    recorded = recorded_outcomes(workspace.ledger, use_case, since, as_of)
    intake = match_outcomes(outcomes, decided, recorded, workspace.use_case, as_of)
    revisions = intake.revisions.assign(recorded_at=pd.Timestamp(utc_now()))
    if revisions.empty and any(books.as_of == as_of for books in intakes(workspace.ledger, use_case)):
        return "read before"
    with workspace.ledger.begin() as connection:
        append_outcomes(connection, revisions)
        append_intake(
            connection,
            use_case=use_case,
            as_of=as_of,
            **vars(intake.counts),
            detail=canonical_json({"problems": list(intake.problems)}),
        )
    return f"{len(revisions)} new outcomes"


@step
def measure_cohorts(use_case: str, as_of: datetime) -> int:
    """Measure, judge and explain every cohort that is mature by ``as_of`` and not measured yet; returns how many."""
    workspace = open_workspace(use_case)
    mature = as_of - timedelta(days=workspace.use_case.outcome.maturity_days)
    done = measured_cohorts(workspace.ledger, use_case)
    due = [b for b in batches(workspace.ledger, use_case, as_of_to=mature) if b.is_decided]
    due = [batch for batch in due if cohort_name(batch.as_of) not in done]
    for batch in due:
        _measure(workspace, batch, as_of)
    return len(due)


def _measure(workspace: Workspace, batch: Batch, as_of: datetime) -> None:
    """Explain the failures of a mature cohort, watch it, and write down what was found and measured."""
    use_case, name = workspace.use_case, cohort_name(batch.as_of)
    cohort = read_cohort(workspace, batch)
    explain_failures(workspace, batch, cohort, as_of)
    labels = labels_of(workspace, batch, as_of)
    watched = watch_cohort(cohort, labels.watched, cohorts_before(workspace, batch, cohort.release_id))
    occasion = Occasion(as_of, batch.batch_id, len(cohort.log), batch.as_of, is_mature=True)
    raise_alarms(workspace, watched.findings, occasion)
    if labels.watched.state(use_case).is_complete:  # what fell short never becomes usual
        keep_in_curve(workspace, batch, labels.arrivals, as_of)
    errors = estimation_errors(cohort, estimated_before(workspace, batch, cohort.release_id))
    figures = [*watched.figures, *impact_gaps(workspace, cohort), *errors]
    # What was measured says that the cohort is done with, so it comes last.
    append_measurements(workspace.ledger, [measurement_of(use_case.name, name, as_of, one) for one in figures])
    announce("cohort.measured", use_case.name, batch.batch_id, {"cohort": name})


def _decisions(workspace: Workspace, since: datetime, until: datetime) -> pd.DataFrame:
    columns: list[Any] = [decision.c.decision_id, decision.c.entity_id, decision.c.as_of, decision.c.action]
    statement: Select[Any] = select(*columns).where(
        decision.c.batch_id.in_([b.batch_id for b in batches(workspace.ledger, workspace.use_case.name, since, until)])
    )
    return read_frame(workspace.ledger, statement)
