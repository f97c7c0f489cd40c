"""A flag may be of one release, may end by itself, and says whether it takes the place of those before it; drills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table. Until now every flag took the place of the one before it."""
    op.add_column("flag", sa.Column("release_id", Text, nullable=True))
    op.add_column("flag", sa.Column("until", UtcDateTime, nullable=True))
    op.add_column("flag", sa.Column("is_replacing", sa.Boolean, nullable=False, server_default=sa.true()))
    op.create_table(
        "drill",
        sa.Column("use_case", Text, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("engine", Text, nullable=False),
        sa.Column("kill_switch_seconds", sa.Double(), nullable=True),
        sa.Column("rollback_seconds", sa.Double(), nullable=True),
        sa.Column("failure", Text, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "seq", name="pk_drill"),
    )
    make_append_only(op.get_bind(), ("drill",))
