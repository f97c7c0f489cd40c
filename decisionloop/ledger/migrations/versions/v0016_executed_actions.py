"""What was really executed of a decision: revisions of its own, posted or read, and counted in the books."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; what was posted and read before says nothing of executed actions."""
    op.create_table(
        "execution",
        sa.Column("decision_id", Text, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("executed_action", Text, nullable=False),
        sa.Column("overridden_by", Text, nullable=True),
        sa.Column("override_reason", Text, nullable=True),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "revision", name="pk_execution"),
    )
    make_append_only(op.get_bind(), ("execution",))
    for name in ("executed_action", "overridden_by", "override_reason"):
        op.add_column("posted_outcome", sa.Column(name, Text, nullable=True))
    op.add_column("outcome_intake", sa.Column("executed", sa.Integer(), nullable=False, server_default="0"))
