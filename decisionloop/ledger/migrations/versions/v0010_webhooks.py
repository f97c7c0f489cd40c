"""Webhooks: what other systems asked for, once each, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXTS = ("sender", "delivery_id", "body_digest", "event", "deployment", "subject", "parameters")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "webhook_delivery",
        *(sa.Column(name, Text, nullable=False) for name in _TEXTS),
        *(sa.Column(name, UtcDateTime(), nullable=False) for name in ("event_at", "received_at")),
        sa.PrimaryKeyConstraint("sender", "delivery_id", name="pk_webhook_delivery"),
    )
    _index("sender", "body_digest", is_unique=True)
    _index("sender", "subject", "event_at")
    op.create_table(
        "webhook_step",
        *(sa.Column(name, Text, nullable=False) for name in ("sender", "delivery_id")),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        *(sa.Column(name, Text, nullable=False) for name in ("state", "detail")),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "delivery_id", "seq", name="pk_webhook_step"),
        sa.ForeignKeyConstraint(
            ["sender", "delivery_id"],
            ["webhook_delivery.sender", "webhook_delivery.delivery_id"],
            name="fk_webhook_step_delivery",
        ),
    )
    make_append_only(op.get_bind(), ("webhook_delivery", "webhook_step"))


def _index(*columns: str, is_unique: bool = False) -> None:
    name = f"ix_webhook_delivery_{'_'.join(columns)}"
    op.create_index(name, "webhook_delivery", list(columns), unique=is_unique)
