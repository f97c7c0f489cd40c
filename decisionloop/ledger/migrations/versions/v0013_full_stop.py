"""What a person or the switch said of unsent actions may be of all of them, and not of a model's alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("hold_event", sa.Column("covers", Text, nullable=False, server_default="model"))
