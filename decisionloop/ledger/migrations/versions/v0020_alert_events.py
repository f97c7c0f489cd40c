"""What became of alerts, the runs that workers did with the memory that they took, and traces of what is queued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; of what was before nobody knows it."""
    op.create_table(
        "alert_event",
        sa.Column("alert_id", Text, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("use_case", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("by", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.alert_id"], name="fk_alert_event_alert_id"),
        sa.PrimaryKeyConstraint("alert_id", "seq", name="pk_alert_event"),
    )
    op.create_index("ix_alert_event_use_case", "alert_event", ["use_case"])
    op.create_table(
        "worker_turn",
        sa.Column("run_id", Text, nullable=False),
        sa.Column("use_case", Text, nullable=False),
        sa.Column("flow", Text, nullable=False),
        sa.Column("host", Text, nullable=False),
        sa.Column("is_scheduled", sa.Boolean(), nullable=False),
        sa.Column("peak_bytes", sa.BigInteger(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_worker_turn"),
    )
    op.create_index("ix_worker_turn_use_case_flow_at", "worker_turn", ["use_case", "flow", "at"])
    op.create_table(
        "trace_context",
        sa.Column("subject", Text, nullable=False),
        sa.Column("traceparent", Text, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_trace_context"),
    )
    make_append_only(op.get_bind(), ("alert_event", "worker_turn", "trace_context"))
