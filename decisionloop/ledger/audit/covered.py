"""What the chain covers: every decision by its batch, and the tables of facts whose rows wait for it one by one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, Table, cast

from decisionloop.ledger import schema
from decisionloop.ledger.storage.awaiting_audit import KEYS

DECISION = "decision"
"""What a block of decisions calls its table: the view that tells of a row and its group."""
ROW_COLUMNS = tuple(column.name for column in schema.decision_row.c if column.name != "group_id")
GROUP_COLUMNS = tuple(column.name for column in schema.decision_group.c if column.name != "group_id")

COVERED: dict[str, Table[Any]] = {
    table.name: table
    for table in (
        schema.use_case_version,
        schema.batch,
        schema.batch_event,
        schema.batch_part,
        schema.snapshot,
        schema.expectation_result,
        schema.training_set,
        schema.release,
        schema.release_event,
        schema.verdict,
        schema.learn_run,
        schema.shadow_run,
        schema.flag,
        schema.alarm,
        schema.alert,
        schema.alert_event,
        schema.incident_event,
        schema.cohort_event,
        schema.monitor_threshold,
        schema.drill,
        schema.hold_event,
        schema.withdrawn_decision,
        schema.outcome,
        schema.execution,
        schema.outcome_intake,
        schema.posted_outcome,
        schema.stream_segment,
        schema.approval_request,
        schema.approval_answer,
        schema.approval_code,
        schema.api_key,
        schema.revoked_key,
        schema.erasure,
        schema.rewritten_snapshot,
        schema.decision_access,
        schema.restoration,
    )
}


def key_columns(table: Table[Any]) -> list[Column[Any]]:
    """The columns of a table's primary key, which are k1, k2, … of what waits."""
    return list(table.primary_key.columns)


def waiting_as(column: Column[Any], number: int) -> Any:
    """The number-th part (from 0) of a waiting key as the type of its column, so that the column's index finds it."""
    said = schema.audit_waiting.c[KEYS[number]]
    return cast(said, column.type) if isinstance(column.type, Integer | BigInteger | schema.UtcDateTime) else said


def key_text(values: tuple[Any, ...]) -> tuple[str, ...]:
    """A row's key as the chain keeps it."""
    return tuple(schema.utc_text(value) if isinstance(value, datetime) else str(value) for value in values)
