"""Missing outcomes: a figure says how many have not come, and between what it lies whatever they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; figures from before this version do not know."""
    for name in ("worst", "best", "to_come_n"):
        op.add_column("measurement", sa.Column(name, sa.Double(), nullable=True))
    op.add_column("measurement", sa.Column("missing_n", sa.BigInteger(), nullable=True))
