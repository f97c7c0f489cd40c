"""Take in what became of decisions: late, repeated and contradictory outcomes are accounted for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Select, select

from decisionloop.ledger.batches import batches, cohort_name
from decisionloop.ledger.held_actions import is_carried_out
from decisionloop.ledger.outcomes import OutcomeIntake, append_intake, append_outcomes, intakes, recorded_outcomes
from decisionloop.ledger.schema import decision, utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.observe.intake import match_outcomes
from decisionloop.workspace import Workspace, open_workspace
from tasks.step import step


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
    detail = canonical_json({"problems": list(intake.problems), "cohorts": _cohorts_of(decided, revisions)})
    with workspace.ledger.begin() as connection:
        append_outcomes(connection, revisions)
        append_intake(connection, OutcomeIntake(use_case, as_of, **vars(intake.counts), detail=detail))
    return f"{len(revisions)} new outcomes"


def _cohorts_of(decided: pd.DataFrame, revisions: pd.DataFrame) -> list[str]:
    """Names of the cohorts that have new outcomes."""
    with_news = decided["as_of"][decided["decision_id"].isin(revisions["decision_id"])].unique()
    return sorted(cohort_name(as_of) for as_of in pd.DatetimeIndex(with_news).to_pydatetime())


def _decisions(workspace: Workspace, since: datetime, until: datetime) -> pd.DataFrame:
    columns: list[Any] = [decision.c.decision_id, decision.c.entity_id, decision.c.as_of, decision.c.action]
    statement: Select[Any] = select(*columns).where(
        decision.c.batch_id.in_([b.batch_id for b in batches(workspace.ledger, workspace.use_case.name, since, until)]),
        is_carried_out(decision.c.decision_id),  # an outcome of what was cancelled is not this decision's
    )
    return read_frame(workspace.ledger, statement)
