"""Every read of the ledger that the story needs and that the ledger's own functions do not offer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, func, select

from decisionloop.ledger.decisions import latest_revision
from decisionloop.ledger.executions import latest_execution
from decisionloop.ledger.measurements import KNOWN_AT, Measurement
from decisionloop.ledger.releases import RULES
from decisionloop.ledger.schema import (
    alarm,
    alert,
    batch,
    batch_event,
    decision,
    decision_group,
    decision_row,
    delivery,
    execution,
    expectation_result,
    measurement,
    outbox,
    outcome,
    release,
    verdict,
)
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame


@dataclass(frozen=True)
class DecisionCount:
    """How many decisions of a batch one release made in one role with one action."""

    batch_id: str
    release_id: str
    role: str
    action: str
    decisions: int


@dataclass(frozen=True)
class OutcomeCount:
    """How many outcomes were seen of the decisions of one role; of those with a class, how many were a yes."""

    role: str
    outcomes: int
    classes: int
    yes: int


@dataclass(frozen=True)
class CheckResult:
    """What one expectation said of a batch at its last attempt."""

    batch_id: str
    expectation: str
    column_name: str | None
    severity: str
    is_success: bool
    observed: str | None
    unexpected_count: int | None
    remedy: str


def decision_counts(ledger: Ledger, use_case: str) -> tuple[DecisionCount, ...]:
    """Decisions of a use case, counted."""
    group = decision_group.c
    # A count of each group reads an index alone; the rows themselves are many times as large.
    rows = select(func.count()).select_from(decision_row).where(decision_row.c.group_id == group.group_id)
    by = (group.batch_id, group.release_id, group.role, group.action)
    counted = select(*by, rows.scalar_subquery().label("rows")).where(group.batch_id.in_(_batches(use_case))).subquery()
    alike = [counted.c[column.name] for column in by]
    decisions: ColumnElement[Any] = cast(func.sum(counted.c.rows), BigInteger)
    statement = select(*alike, decisions).group_by(*alike).order_by(*alike)
    return facts.as_facts(ledger, DecisionCount, statement)


def outcome_counts(ledger: Ledger, use_case: str) -> tuple[OutcomeCount, ...]:
    """Seen outcomes of a use case by role, the latest revision of each."""
    latest = outcome.alias("latest")
    seen = latest.c.outcome_class
    yes: ColumnElement[Any] = func.coalesce(func.sum(seen), 0)
    counted: list[ColumnElement[Any]] = [decision.c.role, func.count(), func.count(seen), yes]
    statement = (
        select(*counted)
        .select_from(decision)
        .join(latest, and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, None)))
        .where(_is_of(use_case))
        .group_by(decision.c.role)
        .order_by(decision.c.role)
    )
    return facts.as_facts(ledger, OutcomeCount, statement)


def batch_details(ledger: Ledger, use_case: str, state: str) -> dict[str, dict[str, Any]]:
    """The latest detail of every batch that reached a state, by batch id."""
    statement = (
        select(batch_event.c.batch_id, batch_event.c.detail)
        .join(batch, batch.c.batch_id == batch_event.c.batch_id)
        .where(batch.c.use_case == use_case, batch_event.c.state == state)
        .order_by(batch_event.c.batch_id, batch_event.c.seq)
    )
    with ledger.connect() as connection:
        return {batch_id: as_object(detail) for batch_id, detail in connection.execute(statement)}


def validation_results(ledger: Ledger, use_case: str) -> tuple[CheckResult, ...]:
    """What the expectations said at the last attempt of each batch, by as-of."""
    table = expectation_result
    attempts = select(table.c.batch_id, func.max(table.c.attempt).label("attempt")).group_by(table.c.batch_id)
    last = attempts.subquery()
    statement = (
        select(*facts.columns_of(CheckResult, table))
        .join(last, and_(table.c.batch_id == last.c.batch_id, table.c.attempt == last.c.attempt))
        .join(batch, batch.c.batch_id == table.c.batch_id)
        .where(batch.c.use_case == use_case)
        .order_by(batch.c.as_of, table.c.result_id)
    )
    return facts.as_facts(ledger, CheckResult, statement)


def telling_decisions(ledger: Ledger, use_case: str, is_by_model: bool, is_contested: bool) -> pd.DataFrame:
    """Decisions with a known outcome, of models (role champion) or explored ones of anybody.

    ``is_contested``: those against the rules' preference, else all others. Columns decision_id, reason_codes,
    rules_action.
    """
    latest, preferred = outcome.alias("latest"), decision.c.rules_action
    columns = (decision.c.decision_id, decision.c.reason_codes, preferred)
    is_wanted = preferred != decision.c.action if is_contested else preferred == decision.c.action
    is_model = and_(decision.c.role == "champion", release.c.kind != RULES)
    statement = (
        select(*columns)
        .select_from(decision)
        .join(release, release.c.release_id == decision.c.release_id)
        .join(latest, and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, None)))
        .where(_is_of(use_case), is_wanted, is_model if is_by_model else decision.c.role == "exploration")
        .order_by(decision.c.decision_id)
    )
    return read_frame(ledger, statement)


def decided_beside_rules(ledger: Ledger, batch_id: str) -> pd.DataFrame:
    """The decisions of a batch beside what the rules would have done, by snapshot row.

    Columns entity_id, as_of, role, fallback_reason, snapshot_digest, snapshot_row, action, rules_action, propensity.
    """
    table = decision.c
    where_from = (table.snapshot_digest, table.snapshot_row)
    columns = (table.entity_id, table.as_of, table.role, table.fallback_reason, *where_from, table.action)
    statement = (
        select(*columns, table.rules_action, table.propensity)
        .where(table.batch_id == batch_id)
        .order_by(table.snapshot_row)
    )
    return read_frame(ledger, statement)


def decided_by_whom(ledger: Ledger, batch_id: str) -> pd.DataFrame:
    """The decisions of a batch beside who made them, by snapshot row.

    Columns entity_id, as_of, release_id, role, fallback_reason, snapshot_digest, snapshot_row, rules_action.
    """
    table = decision.c
    who = (table.entity_id, table.as_of, table.release_id, table.role, table.fallback_reason)
    columns = (*who, table.snapshot_digest, table.snapshot_row, table.rules_action)
    return read_frame(ledger, select(*columns).where(table.batch_id == batch_id).order_by(table.snapshot_row))


def decided_in_full(ledger: Ledger, batch_id: str) -> pd.DataFrame:
    """`decided_beside_rules`, with whether a model was to decide (is_model) and what an explored row was valued at.

    ``action_values`` is the JSON text of an explored row's values by action, None elsewhere and where rules decided.
    """
    table = decision.c
    is_model = table.release_id.in_(select(release.c.release_id).where(release.c.kind != RULES))
    values = case((table.role == "exploration", table.action_values)).label("action_values")
    columns = (table.entity_id, table.as_of, table.role, table.fallback_reason, table.snapshot_digest)
    statement = (
        select(*columns, table.snapshot_row, table.action, table.rules_action, is_model.label("is_model"), values)
        .where(table.batch_id == batch_id)
        .order_by(table.snapshot_row)
    )
    return read_frame(ledger, statement)


def one_decision(ledger: Ledger, decision_id: str) -> pd.Series | None:
    """One decision with its latest outcome: columns of `decision`, outcome_class and outcome_amount, and what was last
    said of its execution: executed_action, overridden_by, override_reason, executed_seen; None without a decision."""
    latest, said = outcome.alias("latest"), execution.alias("said")
    done = (said.c.executed_action, said.c.overridden_by, said.c.override_reason)
    statement = (
        select(
            decision,
            latest.c.outcome_class,
            latest.c.amount.label("outcome_amount"),
            *done,
            said.c.observed_at.label("executed_seen"),
        )
        .select_from(decision)
        .outerjoin(latest, and_(latest.c.decision_id == decision.c.decision_id, *latest_revision(latest, None)))
        .outerjoin(said, and_(said.c.decision_id == decision.c.decision_id, *latest_execution(said, None)))
        .where(decision.c.decision_id == decision_id)
    )
    found = read_frame(ledger, statement)
    return found.iloc[0] if len(found) else None


def ledger_counts(ledger: Ledger, use_case: str) -> tuple[tuple[str, int], ...]:
    """How many facts of each kind the ledger holds about a use case, in words."""
    by_batch = (("actions sent out", outbox),)
    by_use_case = (
        ("releases", release),
        ("verdicts of the gate", verdict),
        ("measurements", measurement),
        ("alarms of the monitors", alarm),
        ("alerts", alert),
    )
    statements: list[tuple[str, Select[Any]]] = [
        ("decisions", select(func.count()).select_from(decision).where(_is_of(use_case))),
        *(
            (name, select(func.count()).select_from(t).where(t.c.batch_id.in_(_batches(use_case))))
            for name, t in by_batch
        ),
        ("outcomes and revisions", _of_decisions(outcome, use_case)),
        ("deliveries", _of_decisions(delivery, use_case)),
        *((name, select(func.count()).select_from(t).where(t.c.use_case == use_case)) for name, t in by_use_case),
    ]
    with ledger.connect() as connection:
        counted = ((name, int(connection.execute(statement).scalar_one())) for name, statement in statements)
        return tuple((name, rows) for name, rows in counted if rows)


def newest_measurements(ledger: Ledger, use_case: str) -> tuple[Measurement, ...]:
    """The newest figure of each release, monitor, slice and cohort, in the order of cohorts."""
    where = measurement.c.use_case == use_case
    found = facts.every(ledger, Measurement, measurement, where, order_by=[KNOWN_AT, measurement.c.recorded_at])
    newest = {(one.cohort, one.monitor, one.slice, one.release_id or ""): one for one in found}
    return tuple(newest[key] for key in sorted(newest))


def as_object(text: str) -> dict[str, Any]:
    """JSON text as an object; anything else that it may hold goes under "value"."""
    try:
        content = json.loads(text)
    except ValueError:
        content = text
    return content if isinstance(content, dict) else {"value": content}


def _batches(use_case: str) -> Select[str]:
    return select(batch.c.batch_id).where(batch.c.use_case == use_case)


def _is_of(use_case: str) -> Any:
    return decision.c.batch_id.in_(_batches(use_case))


def _of_decisions(table: Any, use_case: str) -> Select[Any]:
    joined = table.join(decision, decision.c.decision_id == table.c.decision_id)
    return select(func.count()).select_from(joined).where(_is_of(use_case))
