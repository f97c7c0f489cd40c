"""A flag may be of one release, may end by itself, and says whether it takes the place of those before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Until now every flag took the place of the one before it."""
    op.add_column("flag", sa.Column("release_id", Text, nullable=True))
    op.add_column("flag", sa.Column("until", UtcDateTime, nullable=True))
    op.add_column("flag", sa.Column("is_replacing", sa.Boolean, nullable=False, server_default=sa.true()))
