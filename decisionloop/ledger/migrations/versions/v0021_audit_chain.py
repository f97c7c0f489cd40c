"""A chain of commitments over what is written down, the one road for erasures, and who looked at which decision.

What is in the ledger already waits for the chain as new rows do; the chain's first link says how much that was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import let_erasures_through, make_append_only
from decisionloop.ledger.storage.awaiting_audit import await_audit

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KEYS = {
    "use_case_version": ("contract_digest",),
    "batch": ("batch_id",),
    "batch_event": ("batch_id", "seq"),
    "batch_part": ("batch_id", "attempt", "kind", "part"),
    "snapshot": ("digest",),
    "expectation_result": ("result_id",),
    "training_set": ("training_set_id",),
    "release": ("release_id",),
    "release_event": ("use_case", "seq"),
    "verdict": ("verdict_id",),
    "learn_run": ("learn_run_id",),
    "shadow_run": ("batch_id", "release_id"),
    "flag": ("use_case", "name", "seq"),
    "alarm": ("alarm_id",),
    "alert": ("alert_id",),
    "incident_event": ("incident_id", "seq"),
    "cohort_event": ("use_case", "cohort", "seq"),
    "monitor_threshold": ("threshold_id",),
    "drill": ("use_case", "seq"),
    "hold_event": ("batch_id", "seq"),
    "withdrawn_decision": ("decision_id",),
    "outcome": ("decision_id", "revision"),
    "execution": ("decision_id", "revision"),
    "outcome_intake": ("intake_id",),
    "posted_outcome": ("outcome_id",),
    "stream_segment": ("segment_id",),
    "approval_request": ("use_case", "seq"),
    "approval_answer": ("use_case", "seq"),
    "approval_code": ("code_id",),
    "api_key": ("key_id",),
    "revoked_key": ("key_id",),
    "erasure": ("erasure_id",),
    "rewritten_snapshot": ("digest", "content"),
    "decision_access": ("access_id",),
}
_ERASABLE = (
    "decision_row", "decision_group", "outcome", "execution", "delivery", "failure", "withdrawn_decision",
    "stream_segment", "stream_decision", "stream_request", "answer_time", "posted_outcome", "decision_access",
    "audit_block",
)  # fmt: skip

_WHO_APPENDS_MAY_CHAIN = """
DO $$
DECLARE role text;
BEGIN
    FOR role IN
        SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_schema = current_schema() AND table_name = 'audit_waiting' AND privilege_type = 'INSERT'
    LOOP
        EXECUTE format('GRANT DELETE ON audit_waiting TO %I', role);
    END LOOP;
END $$
"""
"""What has been chained waits no more: a role that may only append takes it off the one table that holds no facts."""


def upgrade() -> None:
    """Make the tables, then the triggers that tell of new rows and let an erasure through."""
    _create_chain()
    _create_erasures()
    _create_access()
    connection = op.get_bind()
    kept = ("audit_entry", "audit_block", "erasure", "erased_leaf", "rewritten_snapshot", "decision_access")
    make_append_only(connection, kept)
    let_erasures_through(connection, _ERASABLE)
    await_audit(connection, _KEYS)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_WHO_APPENDS_MAY_CHAIN.replace("%", "%%"))


def _create_chain() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        *(_text(name) for name in ("kind", "subject")),
        sa.Column("leaves", sa.BigInteger(), nullable=False),
        *(_text(name) for name in ("root", "layout", "detail")),
        _time("at"),
        *(_text(name) for name in ("previous", "hash")),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject"])
    op.create_table(
        "audit_block",
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("block", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("salts", sa.LargeBinary(), nullable=True),
        sa.Column("hints", sa.LargeBinary(), nullable=False),
        sa.Column("row_keys", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["seq"], ["audit_entry.seq"], name="fk_audit_block_seq_audit_entry"),
        sa.PrimaryKeyConstraint("seq", "block", name="pk_audit_block"),
    )
    keys = ("table_name", "k1", "k2", "k3", "k4")
    op.create_table(
        "audit_waiting",
        *(_text(name) for name in keys),
        sa.PrimaryKeyConstraint(*keys, name="pk_audit_waiting"),
    )


def _create_erasures() -> None:
    op.create_table(
        "erasure",
        *(_text(name) for name in ("erasure_id", "use_case", "kind", "reason", "by", "detail")),
        _time("at"),
        sa.PrimaryKeyConstraint("erasure_id", name="pk_erasure"),
    )
    op.create_table(
        "erased_leaf",
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False, autoincrement=False),
        *(_text(name) for name in ("commitment", "erasure_id")),
        sa.ForeignKeyConstraint(["seq"], ["audit_entry.seq"], name="fk_erased_leaf_seq_audit_entry"),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.erasure_id"], name="fk_erased_leaf_erasure_id_erasure"),
        sa.PrimaryKeyConstraint("seq", "leaf", name="pk_erased_leaf"),
    )
    op.create_table(
        "erasing",
        _text("erasure_id"),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.erasure_id"], name="fk_erasing_erasure_id_erasure"),
        sa.PrimaryKeyConstraint("erasure_id", name="pk_erasing"),
    )
    op.create_table(
        "rewritten_snapshot",
        *(_text(name) for name in ("digest", "content", "erasure_id")),
        sa.ForeignKeyConstraint(["digest"], ["snapshot.digest"], name="fk_rewritten_snapshot_digest_snapshot"),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.erasure_id"], name="fk_rewritten_snapshot_erasure_id_erasure"
        ),
        sa.PrimaryKeyConstraint("digest", "content", name="pk_rewritten_snapshot"),
    )


def _create_access() -> None:
    op.create_table(
        "decision_access",
        *(_text(name) for name in ("access_id", "use_case", "decision_id", "by", "how")),
        _time("at"),
        sa.PrimaryKeyConstraint("access_id", name="pk_decision_access"),
    )
    op.create_index("ix_decision_access_decision_id", "decision_access", ["decision_id"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=False)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, UtcDateTime(), nullable=False)
