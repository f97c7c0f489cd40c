"""What serving cost: the table `stage_cost`, append-only as the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, then the triggers that refuse to change a row."""
    op.create_table(
        "stage_cost",
        sa.Column("batch_id", Text, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("stage", Text, nullable=False),
        sa.Column("release_id", Text, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("bytes_stored", sa.BigInteger(), nullable=False),
        sa.Column("cpu_price", sa.Double(), nullable=False),
        sa.Column("storage_price", sa.Double(), nullable=False),
        sa.Column("money", sa.Double(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "attempt", "stage", "release_id", name="pk_stage_cost"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_stage_cost_batch_id"),
    )
    make_append_only(op.get_bind(), ["stage_cost"])
