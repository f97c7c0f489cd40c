"""Windows: when an outcome happened, and how many rows of a reading happened after their decision's window."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; of what is there nobody said when it happened, and nothing was counted as after its window."""
    op.add_column("outcome", sa.Column("happened_at", UtcDateTime(), nullable=True))
    op.add_column("outcome_intake", sa.Column("after_window", sa.Integer(), nullable=False, server_default="0"))
