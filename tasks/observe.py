"""Steps of observe: read outcomes, measure mature cohorts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Select, select

from decisionloop.act.preference import preferred_action
from decisionloop.ledger.batches import Batch, batches
from decisionloop.ledger.decisions import LEARNING_COLUMNS, decisions_with_outcomes
from decisionloop.ledger.facts import canonical_json
from decisionloop.ledger.frames import read_frame
from decisionloop.ledger.measurements import Measurement, append_measurements, measured_cohorts
from decisionloop.ledger.outcomes import append_intake, append_outcomes, intakes, recorded_outcomes
from decisionloop.ledger.schema import decision, utc_now
from decisionloop.monitor.impact_figures import impact_figures
from decisionloop.observe.cohort import Figure, money_figures, ranking_figures
from decisionloop.observe.intake import match_outcomes
from decisionloop.workspace import Workspace, open_workspace
from tasks.announce import announce
from tasks.mature_log import frozen_rows
from tasks.said import said_of
from tasks.step import step

DECIDED = ("decided", "complete")


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
    """Measure every cohort that is mature by ``as_of`` and not measured yet; returns how many."""
    workspace = open_workspace(use_case)
    mature = as_of - timedelta(days=workspace.use_case.outcome.maturity_days)
    done = measured_cohorts(workspace.ledger, use_case)
    due = [b for b in batches(workspace.ledger, use_case, as_of_to=mature) if b.state in DECIDED]
    due = [batch for batch in due if cohort_name(batch.as_of) not in done]
    for batch in due:
        figures = _figures(workspace, batch)
        append_measurements(workspace.ledger, [_measurement(use_case, batch, as_of, f) for f in figures])
        announce("cohort.measured", use_case, batch.batch_id, {"cohort": cohort_name(batch.as_of)})
    return len(due)


def cohort_name(as_of: datetime) -> str:
    """The name of a batch's cohort in measurements: its date."""
    return f"{as_of:%Y-%m-%d}"


def _figures(workspace: Workspace, batch: Batch) -> Iterator[Figure]:
    use_case = workspace.use_case
    log = decisions_with_outcomes(workspace.ledger, use_case.name, batch.as_of, batch.as_of, columns=LEARNING_COLUMNS)
    frame = frozen_rows(workspace, log)
    said = said_of(workspace, batch.batch_id, log)
    rules = said.rules_action
    preferred = rules if said.values is None else preferred_action(use_case, frame, said.values)
    yield from money_figures(use_case, log, frame, said.values, rules, preferred)
    yield from impact_figures(use_case, log, frame)
    if use_case.outcome.class_:
        taken = pd.Index(use_case.action_names).get_indexer(pd.Index(log["action"]))
        for release_id, score, action in said.scores(preferred):
            # Where the model sees actions its score is that of the one it preferred and says nothing of another one.
            known = np.where(action == taken, score, np.nan) if use_case.model.action_as == "input" else score
            yield from ranking_figures(log, known, release_id)


def _decisions(workspace: Workspace, since: datetime, until: datetime) -> pd.DataFrame:
    columns: list[Any] = [decision.c.decision_id, decision.c.entity_id, decision.c.as_of, decision.c.action]
    statement: Select[Any] = select(*columns).where(
        decision.c.batch_id.in_([b.batch_id for b in batches(workspace.ledger, workspace.use_case.name, since, until)])
    )
    return read_frame(workspace.ledger, statement)


def _measurement(use_case: str, batch: Batch, as_of: datetime, figure: Figure) -> Measurement:
    estimate = figure.estimate
    return Measurement(
        use_case=use_case,
        release_id=figure.release_id,
        monitor=figure.monitor,
        slice=figure.slice,
        cohort=cohort_name(batch.as_of),
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        effective_n=estimate.effective_n,
        is_mature=True,
        as_of=as_of,
    )
