"""Steps of observe: read outcomes, measure and judge mature cohorts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Select, select

from decisionloop.ledger.batches import batches, cohort_name
from decisionloop.ledger.held_actions import is_any_carried_out, is_carried_out
from decisionloop.ledger.measurements import LastMeasured, append_measurements, when_measured
from decisionloop.ledger.outcomes import (
    OutcomeIntake,
    append_intake,
    append_outcomes,
    intakes,
    outcome_news,
    recorded_outcomes,
)
from decisionloop.ledger.schema import decision, utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.monitor.impact.error_rates import error_rate_figures
from decisionloop.monitor.impact.figures import impact_figures
from decisionloop.monitor.value import business_figures
from decisionloop.observe.cohort import Figure, money_figures, ranking_figures
from decisionloop.observe.intake import match_outcomes
from decisionloop.workspace import Workspace, open_workspace
from tasks.observe.estimated_performance import promise_errors
from tasks.observe.failures import explain_misses
from tasks.readback.cohort import Cohort, read_cohort
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.watch.cohorts import judge_cohort
from tasks.watch.impact_causes import gap_figures
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
            detail=canonical_json({"problems": list(intake.problems), "cohorts": _cohorts_of(decided, revisions)}),
        )
    return f"{len(revisions)} new outcomes"


@step
def measure_cohorts(use_case: str, as_of: datetime) -> int:
    """Measure every cohort that is mature by ``as_of`` with what was known then; returns how many.

    A cohort is judged and explained once, when it is measured first. It is measured again whenever outcomes of it have
    come in since; readers take the newest figures.
    """
    workspace = open_workspace(use_case)
    mature = as_of - timedelta(days=workspace.use_case.outcome.maturity_days)
    decided = [batch for batch in batches(workspace.ledger, use_case, as_of_to=mature) if batch.is_decided]
    measured, news = when_measured(workspace.ledger, decided), outcome_news(workspace.ledger, use_case)
    due = [
        one
        for one in decided
        if _is_to_be_measured(measured.get(one.batch_id), news.get(cohort_name(one.as_of), ()), as_of)
        and is_any_carried_out(workspace.ledger, one.batch_id)
    ]
    for batch in due:
        is_first = batch.batch_id not in measured
        cohort = read_cohort(workspace, batch, as_of)
        figures = [*_figures(cohort), *promise_errors(workspace, cohort)]
        if is_first:
            explain_misses(workspace, cohort, as_of)
            figures += gap_figures(workspace, cohort)  # of the features: no outcome changes it
        labels = labels_of(workspace, batch, as_of)
        judge_cohort(workspace, cohort, labels, figures, as_of, is_first)
        if labels.are_complete(cohort.use_case):  # what fell short never becomes usual
            keep_in_curve(workspace, batch, labels.arrivals, as_of)
        # What was measured says that the cohort is done with until there is news of it, so it comes last.
        append_measurements(workspace.ledger, [measurement_of(use_case, cohort.name, as_of, f) for f in figures])
        announce("cohort.measured", use_case, batch.batch_id, {"cohort": cohort.name, "is_first": is_first})
    return len(due)


def _is_to_be_measured(last: LastMeasured | None, news: Sequence[OutcomeIntake], as_of: datetime) -> bool:
    """Whether a mature cohort was never measured, or outcomes of it have come in since and were known at ``as_of``."""
    if last is None:
        return True
    return any(one.as_of <= as_of and (one.at > last.made_at or one.as_of > last.known_at) for one in news)


def _cohorts_of(decided: pd.DataFrame, revisions: pd.DataFrame) -> list[str]:
    """Names of the cohorts that have new outcomes."""
    with_news = decided["as_of"][decided["decision_id"].isin(revisions["decision_id"])].unique()
    return sorted(cohort_name(as_of) for as_of in pd.DatetimeIndex(with_news).to_pydatetime())


def _figures(cohort: Cohort) -> Iterator[Figure]:
    use_case, log, frame, said = cohort.use_case, cohort.log, cohort.frame, cohort.said
    yield from money_figures(use_case, log, frame, said.values, cohort.rules, cohort.preferred)
    yield from business_figures(use_case, log, frame)
    yield from impact_figures(use_case, log, frame)
    if use_case.outcome.class_ is None:
        return
    yield from error_rate_figures(use_case, log, frame, cohort.preferred)
    if cohort.score is not None:
        yield from ranking_figures(log, cohort.score, cohort.champion.release_id)
    for release_id, (score, action) in said.shadows.items():
        # Where the model sees actions its score is that of the one it preferred and says nothing of another one.
        known = np.where(action == cohort.taken, score, np.nan) if use_case.model.action_as == "input" else score
        yield from ranking_figures(log, known, release_id)


def _decisions(workspace: Workspace, since: datetime, until: datetime) -> pd.DataFrame:
    columns: list[Any] = [decision.c.decision_id, decision.c.entity_id, decision.c.as_of, decision.c.action]
    statement: Select[Any] = select(*columns).where(
        decision.c.batch_id.in_([b.batch_id for b in batches(workspace.ledger, workspace.use_case.name, since, until)]),
        is_carried_out(decision.c.decision_id),  # an outcome of what was cancelled is not this decision's
    )
    return read_frame(workspace.ledger, statement)
