"""A stream is sealed every few minutes as a part of the batch of its watching period: which part holds a segment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; batches of before were sealed at once, each as its first part."""
    op.add_column("sealed_segment", sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
