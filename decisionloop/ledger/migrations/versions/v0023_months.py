"""Decisions and what hangs off them lie in parts by month on PostgreSQL; SQLite stays as it is."""

from __future__ import annotations

from alembic import op

from decisionloop.ledger.storage.monthly_tables import divide_by_month

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TABLES = ("decision_row", "outcome", "execution", "delivery")
_CHAINED = ("outcome", "execution")
_VIEWS = ("decision", "outbox")


def upgrade() -> None:
    """Divide the large tables; a ledger whose ids do not begin with a second stays whole."""
    if op.get_bind().dialect.name == "postgresql":
        divide_by_month(op.get_bind(), _TABLES, _CHAINED, _VIEWS)
