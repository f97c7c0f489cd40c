"""Monitors: limits beside measurements, alarms and incidents, failures, references and thresholds, notices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NEW = (
    "alarm", "incident_event", "failure", "weak_slice", "monitor_reference", "monitor_threshold", "notice",
    "notice_attempt",
)  # fmt: skip


def upgrade() -> None:
    """Add two columns to `measurement`, then make the new tables and the triggers that refuse to change a row."""
    op.add_column("measurement", _number("threshold", nullable=True))
    op.add_column("measurement", _text("against", nullable=True))
    _create_alarms()
    _create_failures()
    _create_limits()
    _create_notices()
    make_append_only(op.get_bind(), _NEW)


def _create_alarms() -> None:
    op.create_table(
        "alarm",
        *(_text(name) for name in ("alarm_id", "use_case", "incident_id", "family", "monitor", "slice", "against")),
        *(_text(name, nullable=True) for name in ("release_id", "batch_id")),
        *(_text(name) for name in ("cohort", "severity")),
        *(_number(name, nullable=True) for name in ("value", "low", "high")),
        *(_number(name) for name in ("threshold", "bound", "alpha")),
        *(_number(name, nullable=True) for name in ("stake_per_decision", "stake_total")),
        *(_text(name) for name in ("words", "suggestion")),
        _text("chart", nullable=True),
        *(_time(name) for name in ("as_of", "at")),
        sa.PrimaryKeyConstraint("alarm_id", name="pk_alarm"),
        *(_of("alarm", name) for name in ("release", "batch")),
    )
    op.create_index("ix_alarm_use_case_as_of", "alarm", ["use_case", "as_of"])
    op.create_table(
        "incident_event",
        _text("incident_id"),
        _whole("seq"),
        *(_text(name) for name in ("use_case", "family", "state", "by", "reason")),
        _time("at"),
        sa.PrimaryKeyConstraint("incident_id", "seq", name="pk_incident_event"),
    )
    op.create_index("ix_incident_event_use_case", "incident_event", ["use_case"])


def _create_failures() -> None:
    op.create_table(
        "failure",
        *(_text(name) for name in ("decision_id", "use_case", "batch_id", "cause")),
        _number("surprise"),
        _time("recorded_at"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_failure"),
        _of("failure", "batch"),
    )
    op.create_index("ix_failure_batch_id", "failure", ["batch_id"])
    op.create_table(
        "weak_slice",
        *(_text(name) for name in ("use_case", "cohort")),
        _whole("rank"),
        _text("release_id", nullable=True),
        *(_text(name) for name in ("description", "predicate")),
        sa.Column("n", sa.BigInteger(), nullable=False),
        _number("money_per_decision"),
        *(_number(name, nullable=True) for name in ("low", "high")),
        _number("money_total"),
        *(_time(name) for name in ("as_of", "at")),
        sa.PrimaryKeyConstraint("use_case", "cohort", "rank", name="pk_weak_slice"),
        _of("weak_slice", "release"),
    )


def _create_limits() -> None:
    op.create_table(
        "monitor_reference",
        *(_text(name) for name in ("reference_id", "use_case", "release_id", "kind", "content")),
        *(_time(name) for name in ("as_of", "at")),
        sa.PrimaryKeyConstraint("reference_id", name="pk_monitor_reference"),
        _of("monitor_reference", "release"),
    )
    op.create_index("ix_monitor_reference_use_case_release_id", "monitor_reference", ["use_case", "release_id"])
    op.create_table(
        "monitor_threshold",
        *(_text(name) for name in ("threshold_id", "use_case", "monitor", "slice")),
        _text("release_id", nullable=True),
        _number("threshold"),
        _number("alpha", nullable=True),
        _text("evidence"),
        *(_time(name) for name in ("as_of", "at")),
        sa.PrimaryKeyConstraint("threshold_id", name="pk_monitor_threshold"),
        _of("monitor_threshold", "release"),
    )
    op.create_index("ix_monitor_threshold_use_case_release_id", "monitor_threshold", ["use_case", "release_id"])


def _create_notices() -> None:
    op.create_table(
        "notice",
        *(_text(name) for name in ("notice_id", "use_case", "subject", "channel", "severity", "title", "body")),
        *(_time(name) for name in ("not_before", "at")),
        sa.PrimaryKeyConstraint("notice_id", name="pk_notice"),
    )
    op.create_index("ix_notice_use_case_at", "notice", ["use_case", "at"])
    op.create_table(
        "notice_attempt",
        _text("notice_id"),
        _whole("attempt"),
        *(_text(name) for name in ("status", "detail")),
        _time("at"),
        sa.PrimaryKeyConstraint("notice_id", "attempt", name="pk_notice_attempt"),
        _of("notice_attempt", "notice"),
    )


def _of(table: str, parent: str) -> sa.ForeignKeyConstraint:
    """The column `<parent>_id` names a row of the table `parent`."""
    column = f"{parent}_id"
    return sa.ForeignKeyConstraint([column], [f"{parent}.{column}"], name=f"fk_{table}_{column}")


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=nullable)


def _number(name: str, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(), nullable=False)
