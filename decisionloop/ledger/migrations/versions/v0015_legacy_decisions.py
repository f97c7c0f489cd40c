"""Decisions that another system made: of these the propensity may be one that nobody knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_COLUMNS = (
    "decision_id", "group_id", "entity_id", "snapshot_row", "score", "amount", "action_values", "propensity",
    "reason_codes",
)  # fmt: skip


def upgrade() -> None:
    """Let the propensity be null. SQLite cannot change a column, so the table is copied there."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("decision_row", "propensity", nullable=True)
        return
    connection = op.get_bind()
    views = ("outbox", "decision")
    asked = sa.text("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = :name")
    texts = {name: connection.execute(asked, {"name": name}).scalar_one() for name in views}
    for name in views:
        op.execute(sa.text(f"DROP VIEW {name}"))
    _copy()
    for name in reversed(views):
        op.execute(sa.text(texts[name]))
    make_append_only(connection, ("decision_row",))


def _copy() -> None:
    op.create_table(
        "decision_row_copied",
        sa.Column("decision_id", Text, nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("entity_id", Text, nullable=False),
        sa.Column("snapshot_row", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("action_values", Text, nullable=False),
        sa.Column("propensity", sa.Double(), nullable=True),
        sa.Column("reason_codes", Text, nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decision_row"),
        sa.CheckConstraint(
            "propensity > 0 AND propensity <= 1", name=op.f("ck_decision_row_ck_decision_row_propensity")
        ),
    )
    names = ", ".join(_COLUMNS)
    # In the order of the key, in which its index is written fastest.
    op.execute(
        sa.text(f"INSERT INTO decision_row_copied ({names}) SELECT {names} FROM decision_row ORDER BY decision_id")
    )
    op.drop_table("decision_row")
    op.rename_table("decision_row_copied", "decision_row")
    op.create_index("ix_decision_row_group_id", "decision_row", ["group_id"])
