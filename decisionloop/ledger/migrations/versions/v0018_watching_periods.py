"""A stream is sealed every few minutes as a part of the batch of its watching period, and keeps an account of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say which part holds a segment (batches of before were sealed as one part), and make the table."""
    op.add_column("sealed_segment", sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "period_account",
        sa.Column("use_case", Text, nullable=False),
        sa.Column("begin", UtcDateTime(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("segment_id", Text, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("used", Text, nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["stream_segment.segment_id"], name="fk_period_account_segment_id"),
        sa.PrimaryKeyConstraint("use_case", "begin", "seq", name="pk_period_account"),
    )
    make_append_only(op.get_bind(), ("period_account",))
