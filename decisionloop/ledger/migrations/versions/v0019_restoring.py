"""That a ledger was restored from a backup, and drills of restoring."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "restoration",
        sa.Column("restored_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("version", Text, nullable=False),
        sa.Column("backup", Text, nullable=False),
        sa.PrimaryKeyConstraint("restored_at", name="pk_restoration"),
    )
    op.create_table(
        "restore_drill",
        sa.Column("use_case", Text, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("engine", Text, nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("batch_id", Text, nullable=True),
        sa.Column("decisions", sa.BigInteger(), nullable=False),
        sa.Column("failure", Text, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "seq", name="pk_restore_drill"),
    )
    make_append_only(op.get_bind(), ("restoration", "restore_drill"))
