"""Holding: chunks that are under way, actions held for a person, decisions withdrawn; the outbox says whose choice."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NEW = ("sending", "sending_end", "hold_event", "withdrawn_decision")
_OUTBOX_VIEW = """
CREATE VIEW outbox AS
SELECT r.decision_id, g.batch_id, g.use_case, r.entity_id, g.action, '{}' AS payload, g.decided_at AS queued_at, g.role
FROM decision_row AS r JOIN decision_group AS g ON g.group_id = r.group_id
WHERE g.is_sent
"""


def upgrade() -> None:
    """Make the new tables, and tell in the outbox in which role an action was chosen."""
    _create_sendings()
    _create_holds()
    op.execute(sa.text("DROP VIEW outbox"))
    op.execute(sa.text(_OUTBOX_VIEW))
    make_append_only(op.get_bind(), _NEW)


def _create_sendings() -> None:
    op.create_table(
        "sending",
        *(_text(name) for name in ("sending_id", "use_case", "batch_id")),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("actions", sa.BigInteger(), nullable=False),
        *(_time(name) for name in ("at", "until")),
        sa.PrimaryKeyConstraint("sending_id", name="pk_sending"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_sending_batch_id"),
    )
    op.create_index("ix_sending_use_case", "sending", ["use_case"])
    op.create_table(
        "sending_end",
        *(_text(name) for name in ("sending_id", "status")),
        _time("at"),
        sa.PrimaryKeyConstraint("sending_id", name="pk_sending_end"),
        sa.ForeignKeyConstraint(["sending_id"], ["sending.sending_id"], name="fk_sending_end_sending_id"),
    )


def _create_holds() -> None:
    op.create_table(
        "hold_event",
        _text("batch_id"),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        *(_text(name) for name in ("use_case", "state", "reason", "by")),
        _time("at"),
        sa.PrimaryKeyConstraint("batch_id", "seq", name="pk_hold_event"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_hold_event_batch_id"),
    )
    op.create_index("ix_hold_event_use_case", "hold_event", ["use_case"])
    op.create_table(
        "withdrawn_decision",
        *(_text(name) for name in ("decision_id", "batch_id")),
        _time("at"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_withdrawn_decision"),
    )
    op.create_index("ix_withdrawn_decision_batch_id", "withdrawn_decision", ["batch_id"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(), nullable=False)
