"""Approvals: what waits for a person, what was answered, and the codes that prove by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = ("approval_request", "approval_code", "approval_answer")


def upgrade() -> None:
    """Make the tables."""
    _make_request()
    op.create_table(
        "approval_code",
        *_texts("code_id", "use_case", "approver", "salt", "digest"),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("code_id", name="pk_approval_code"),
    )
    op.create_index("ix_approval_code_use_case_approver", "approval_code", ["use_case", "approver"])
    op.create_table(
        "approval_answer",
        *_texts("use_case"),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        *_texts("answer", "answered_by"),
        sa.Column("code_id", Text, nullable=True),
        *_texts("note"),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("use_case", "seq", name="pk_approval_answer"),
        sa.UniqueConstraint("code_id", name="uq_approval_answer_code_id"),
        sa.ForeignKeyConstraint(["code_id"], ["approval_code.code_id"], name="fk_approval_answer_code_id"),
        sa.ForeignKeyConstraint(
            ["use_case", "seq"],
            ["approval_request.use_case", "approval_request.seq"],
            name="fk_approval_answer_request",
        ),
    )
    make_append_only(op.get_bind(), _TABLES)


def _make_request() -> None:
    op.create_table(
        "approval_request",
        *_texts("use_case"),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        *_texts("release_id"),
        sa.Column("attempt", sa.Integer(), nullable=False),
        *_texts("purpose", "champion_id", "requested_by", "reason", "evidence"),
        *(sa.Column(name, UtcDateTime(), nullable=False) for name in ("requested_at", "answer_until")),
        sa.PrimaryKeyConstraint("use_case", "seq", name="pk_approval_request"),
        *(
            sa.ForeignKeyConstraint([name], ["release.release_id"], name=f"fk_approval_request_{name}")
            for name in ("release_id", "champion_id")
        ),
    )
    op.create_index("ix_approval_request_release_id", "approval_request", ["release_id"])


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, Text, nullable=False) for name in names]
