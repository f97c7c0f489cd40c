"""How long whoever asked waited for the answer of what was decided one at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; of what was answered before nobody knows it."""
    op.create_table(
        "answer_time",
        sa.Column("decision_id", Text, nullable=False),
        sa.Column("waited_ms", sa.Double(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="pk_answer_time"),
    )
    make_append_only(op.get_bind(), ("answer_time",))
