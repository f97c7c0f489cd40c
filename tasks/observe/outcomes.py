"""Take in what became of decisions: late, repeated and contradictory outcomes are accounted for."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Select, exists, select

from decisionloop.ledger.batches import batch_id_of, cohort_name, last_event_at, latest_details, newest_batches
from decisionloop.ledger.decisions import batches_of_span
from decisionloop.ledger.executions import append_executions, recorded_executions
from decisionloop.ledger.held_actions import is_carried_out, last_hold_events
from decisionloop.ledger.id_spans import ids_of_batches
from decisionloop.ledger.outcomes import OutcomeIntake, append_intake, append_outcomes, last_intake, recorded_outcomes
from decisionloop.ledger.posted_outcomes import posted_outcomes
from decisionloop.ledger.schema import decision, execution, outcome, utc_now
from decisionloop.ledger.storage.bulk import FactsAreThere
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.ledger.watching_periods import last_part_at, own_moment
from decisionloop.observe.executions import EXECUTED_COLUMNS
from decisionloop.observe.intake import Intake, Recorded, match_outcomes
from decisionloop.observe.later_rows import LATE_SINCE
from decisionloop.observe.matching import HAPPENED
from decisionloop.observe.reading import Reading, oldest_decision, unread
from decisionloop.observe.revisions import SAID
from decisionloop.observe.taken_rows import refused_content
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.maturity import due_at_of
from tasks.step import step

READINGS = 5
"""So often in a row another process may be faster."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@step
def read_outcomes(use_case: str, as_of: datetime) -> str:
    """Take in what the source has seen by ``as_of``; late, repeated and contradictory rows are accounted for.

    Everything that was seen since the last reading is read, however long ago that was. Reading again at the same as-of
    leaves the books as they are unless it brings something new. Where another process took some of it in meanwhile,
    what it left is read.
    """
    for _ in range(READINGS - 1):
        with suppress(FactsAreThere):
            return _read_outcomes(use_case, as_of)
    return _read_outcomes(use_case, as_of)


def _read_outcomes(use_case: str, as_of: datetime) -> str:
    workspace = open_workspace(use_case)
    is_any = bool(newest_batches(workspace.ledger, use_case, 1, as_of))
    if not is_any and last_part_at(workspace.ledger, use_case) is None:
        return "nothing was decided yet"
    outcomes = _with_posted(workspace, workspace.source.outcomes(pd.Timestamp(as_of), _shown(workspace, as_of)), as_of)
    new = unread(outcomes, _last_reading(workspace, as_of), workspace.use_case.outcome.are_rows_added)
    decided, intake = _match(workspace, new, as_of)
    if len(intake.executions) and len(new) < len(outcomes):  # what was refused may belong to what was executed
        decided, intake = _match(workspace, outcomes, as_of)
    revisions, executions = (
        rows.assign(recorded_at=pd.Timestamp(utc_now())) for rows in (intake.revisions, intake.executions)
    )
    last = last_intake(workspace.ledger, use_case, as_of)
    if not len(revisions) + len(executions) and last is not None and last.as_of == as_of:
        return "read before"
    read = {**asdict(Reading.of(outcomes, as_of)), "contract": workspace.use_case.digest}
    refused = refused_content(intake.of_row)
    told = {"problems": list(intake.problems), "cohorts": _cohorts_of(decided, revisions, executions), "read": read}
    told |= {"refused": refused} if refused else {}
    told |= {"several": asdict(intake.several)} if intake.several.of else {}
    with workspace.ledger.begin() as connection:
        append_outcomes(connection, revisions)
        append_executions(connection, executions)
        books = OutcomeIntake(use_case, as_of, **vars(intake.counts), detail=canonical_json(told))
        append_intake(connection, books)
    done = f" and {len(executions)} executed actions" if len(executions) else ""
    return f"{len(revisions)} new outcomes{done}"


def _with_posted(workspace: Workspace, outcomes: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The source's outcomes and those that were posted, as one reading: neither lacks a column that the other has."""
    posted = posted_outcomes(workspace.ledger, workspace.use_case.name, as_of)
    if posted.empty:
        return outcomes
    if outcomes.empty:
        return posted
    for name in [one for one in (HAPPENED, SAID) if one not in outcomes]:
        outcomes = outcomes.assign(**{name: pd.Series(pd.NaT, outcomes.index, dtype="datetime64[us, UTC]")})
    if workspace.use_case.outcome.executed is not None and EXECUTED_COLUMNS[0] not in outcomes:
        nobody = pd.Series(None, index=outcomes.index, dtype="str")
        outcomes = outcomes.assign(**dict.fromkeys(EXECUTED_COLUMNS, nobody))
    return pd.concat([outcomes, posted[[name for name in posted if name in outcomes]]], ignore_index=True)


def _match(workspace: Workspace, outcomes: pd.DataFrame, as_of: datetime) -> tuple[pd.DataFrame, Intake]:
    """Match outcomes with the decisions that they may belong to, and with all of them where one finds none there.

    Only then it matters who was decided late.
    """
    oldest = oldest_decision(outcomes, workspace.use_case)
    since, online = as_of if oldest is None else oldest.to_pydatetime(), workspace.use_case.online
    if online is not None:
        since -= online.period  # the batch that holds a decision of then may have begun so much earlier
    decided, intake = _match_since(workspace, outcomes, _decisions(workspace, since, as_of), since, as_of)
    if not intake.counts.unknown:
        return decided, intake
    every = _with_late(workspace, _decisions(workspace, BEGINNING, as_of))
    return _match_since(workspace, outcomes, every, BEGINNING, as_of)


def _match_since(
    workspace: Workspace, outcomes: pd.DataFrame, decided: pd.DataFrame, since: datetime, as_of: datetime
) -> tuple[pd.DataFrame, Intake]:
    ledger, name = workspace.ledger, workspace.use_case.name
    meant = batches_of_span(name, since, as_of)
    span = ids_of_batches(ledger, meant).holds(decision.c.decision_id, execution.c.decision_id)
    executions = recorded_executions(ledger, decision.c.batch_id.in_(meant), *span)
    recorded = Recorded(recorded_outcomes(ledger, name, since, as_of), executions)
    return decided, match_outcomes(outcomes, decided, recorded, workspace.use_case, as_of)


def _last_reading(workspace: Workspace, as_of: datetime) -> Reading | None:
    """What was read last, if what it refused would be refused again; None where everything is to be read anew.

    A decision that was made, released or cancelled since under an as-of of before, and another contract, may take in
    what was refused then.
    """
    ledger, name = workspace.ledger, workspace.use_case.name
    last = last_intake(ledger, name, as_of)
    read = json.loads(last.detail).get("read") if last is not None else None
    if last is None or read is None or read.pop("contract") != workspace.use_case.digest:
        return None
    grown = (last_event_at(ledger, name, last.as_of), last_part_at(ledger, name))
    changed = [*(event.at for event in last_hold_events(ledger, name)), *(at for at in grown if at is not None)]
    return None if any(at > last.at for at in changed) else Reading(**{**read, "as_of": last.as_of})


def _cohorts_of(decided: pd.DataFrame, *revisions: pd.DataFrame) -> list[str]:
    """Names of the cohorts that have new outcomes, or of which one knows now what was executed."""
    told = pd.concat([one["decision_id"] for one in revisions])
    with_news = decided[COHORT][decided["decision_id"].isin(told)].unique()
    return sorted(cohort_name(as_of) for as_of in pd.DatetimeIndex(with_news).to_pydatetime())


def _shown(workspace: Workspace, as_of: datetime) -> pd.DataFrame:
    """What the source is told of decisions.

    Live tables show everything whatever was decided, and are told of none; what reveals by the action is told of all
    that are not closed, with whether an outcome is known of each: a correction may follow.
    """
    has_outcome = exists().where(outcome.c.decision_id == decision.c.decision_id)
    since, after = _open_since(workspace, as_of), as_of + timedelta(microseconds=1)
    since = after if workspace.use_case.source.kind == "tables" else since
    shown = _read(workspace, [*_COLUMNS, has_outcome.label("has_outcome")], since, as_of)
    return shown.drop(columns=COHORT)


def _open_since(workspace: Workspace, as_of: datetime) -> datetime:
    """No decision before this time takes in an outcome that was seen since the last reading."""
    closed, online = workspace.use_case.outcome.closed_days, workspace.use_case.online
    last = last_intake(workspace.ledger, workspace.use_case.name, as_of)
    if closed is None or last is None:
        return BEGINNING
    return last.as_of - timedelta(days=closed) - (timedelta() if online is None else online.period)


def _decisions(workspace: Workspace, since: datetime, until: datetime) -> pd.DataFrame:
    """The decisions that an outcome may belong to, with the time at which it is due where rows differ in that."""
    if not workspace.use_case.outcome.due:
        return _read(workspace, _COLUMNS, since, until)
    frozen = [decision.c.snapshot_digest, decision.c.snapshot_row]
    return due_at_of(workspace, _read(workspace, [*_COLUMNS, *frozen], since, until))


def _with_late(workspace: Workspace, decided: pd.DataFrame) -> pd.DataFrame:
    """The decisions with `LATE_SINCE`, as their batches told it when they were frozen."""
    cohorts = pd.DatetimeIndex(decided[COHORT].unique())
    ids = [batch_id_of(workspace.use_case.name, as_of) for as_of in cohorts.to_pydatetime()]
    details = latest_details(workspace.ledger, ids, "frozen")
    since = [str(one["covers_from"]) if one.get("late") else "" for one in details]  # no time: NaT
    told = pd.Series(pd.to_datetime(since, utc=True, format="ISO8601"), index=cohorts)
    return decided.assign(**{LATE_SINCE: decided[COHORT].map(told)})


COHORT = "cohort"
"""The as-of of a decision's batch, which names its cohort; ``as_of`` is when it was made itself."""
_COLUMNS: list[Any] = [
    decision.c.decision_id,
    decision.c.entity_id,
    own_moment(),
    decision.c.action,
    decision.c.as_of.label(COHORT),
]


def _read(workspace: Workspace, columns: list[Any], since: datetime, until: datetime) -> pd.DataFrame:
    meant = batches_of_span(workspace.use_case.name, since, until)
    span = ids_of_batches(workspace.ledger, meant)
    statement: Select[Any] = select(*columns).where(
        decision.c.batch_id.in_(meant),
        *span.holds(decision.c.decision_id),
        is_carried_out(decision.c.decision_id, span),  # an outcome of what was cancelled is not this decision's
    )
    return read_frame(workspace.ledger, statement)
