"""Batches that went by retention, and what becomes of alerts and backups as parts of the audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text
from decisionloop.ledger.storage.append_only import make_append_only
from decisionloop.ledger.storage.awaiting_audit import await_audit

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_KEYS = {"alert_event": ("alert_id", "seq"), "restoration": ("restored_at",)}


def upgrade() -> None:
    """Make the table; alert events and restorations that are there already wait for the chain as new ones do."""
    op.create_table(
        "expired_link",
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("leaves", sa.BigInteger(), nullable=False),
        sa.Column("erasure_id", Text, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["audit_entry.seq"], name="fk_expired_link_seq_audit_entry"),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.erasure_id"], name="fk_expired_link_erasure_id_erasure"),
        sa.PrimaryKeyConstraint("seq", name="pk_expired_link"),
    )
    connection = op.get_bind()
    make_append_only(connection, ("expired_link",))
    await_audit(connection, _KEYS, times=("restored_at",))
