"""Decisions in groups and narrow rows, parts of batches; the outbox and the whole decision become views.

What releases said beside the champion leaves the ledger: it has always been in the snapshot store as well, named by
the batch, and a million rows of it are read ten times faster there.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CHUNK_ROWS = 10_000
_GROUP = (
    "batch_id", "use_case", "as_of", "snapshot_digest", "release_id", "role", "action", "rules_action", "is_sent",
    "fallback_reason", "policy_version", "contract_digest", "latency_ms", "decided_at",
)  # fmt: skip
_ROW = ("decision_id", "entity_id", "snapshot_row", "score", "amount", "action_values", "propensity", "reason_codes")
_KIND_OF_STATE = {"frozen": ("features", "snapshot"), "validated": ("faults", "faults"), "scored": ("scores", "scores")}
_DECISION_VIEW = """
CREATE VIEW decision AS
SELECT r.decision_id, g.batch_id, g.use_case, r.entity_id, g.as_of, g.snapshot_digest, r.snapshot_row, g.release_id,
       g.role, r.score, r.amount, r.action_values, g.action, g.rules_action, g.is_sent, r.propensity, r.reason_codes,
       g.fallback_reason, g.policy_version, g.contract_digest, g.latency_ms, g.decided_at
FROM decision_row AS r JOIN decision_group AS g ON g.group_id = r.group_id
"""
_OUTBOX_VIEW = """
CREATE VIEW outbox AS
SELECT r.decision_id, g.batch_id, g.use_case, r.entity_id, g.action, '{}' AS payload, g.decided_at AS queued_at
FROM decision_row AS r JOIN decision_group AS g ON g.group_id = r.group_id
WHERE g.is_sent
"""


def upgrade() -> None:
    """Make the new tables, move every decision into them, and tell of it through views."""
    _create_tables()
    _move_decisions(op.get_bind())
    _move_parts(op.get_bind())
    for table in ("outbox", "prediction", "decision"):
        op.drop_table(table)
    for view in (_DECISION_VIEW, _OUTBOX_VIEW):
        op.execute(sa.text(view))
    make_append_only(op.get_bind(), ("decision_group", "decision_row", "batch_part"))


def _create_tables() -> None:
    op.create_table(
        "decision_group",
        sa.Column("group_id", sa.BigInteger(), nullable=False, autoincrement=False),
        *(_text(name) for name in ("batch_id", "use_case")),
        _time("as_of"),
        *(_text(name) for name in ("snapshot_digest", "release_id", "role", "action", "rules_action")),
        sa.Column("is_sent", sa.Boolean(), nullable=False),
        _text("fallback_reason", nullable=True),
        *(_text(name) for name in ("policy_version", "contract_digest")),
        sa.Column("latency_ms", sa.Double(), nullable=False),
        _time("decided_at"),
        sa.PrimaryKeyConstraint("group_id", name="pk_decision_group"),
    )
    op.create_index("ix_decision_group_batch_id", "decision_group", ["batch_id"])
    op.create_table(
        "decision_row",
        _text("decision_id"),
        sa.Column("group_id", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("entity_id"),
        sa.Column("snapshot_row", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        _text("action_values"),
        sa.Column("propensity", sa.Double(), nullable=False),
        _text("reason_codes"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_decision_row"),
        sa.CheckConstraint("propensity > 0 AND propensity <= 1", name="ck_decision_row_propensity"),
    )
    op.create_index("ix_decision_row_group_id", "decision_row", ["group_id"])
    op.create_table(
        "batch_part",
        _text("batch_id"),
        sa.Column("attempt", sa.Integer(), nullable=False, autoincrement=False),
        _text("kind"),
        sa.Column("part", sa.Integer(), nullable=False, autoincrement=False),
        _text("digest"),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        _time("at"),
        sa.PrimaryKeyConstraint("batch_id", "attempt", "kind", "part", name="pk_batch_part"),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.batch_id"], name="fk_batch_part_batch_id_batch"),
    )


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=nullable)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, UtcDateTime(), nullable=False)


def _move_decisions(connection: sa.Connection) -> None:
    """Number the groups below zero, where no group of a later version can be."""
    tables = sa.MetaData()
    group, row = (sa.Table(name, tables, autoload_with=connection) for name in ("decision_group", "decision_row"))
    numbers: dict[tuple[Any, ...], int] = {}
    for chunk in _chunks(connection):
        before = len(numbers)
        members = [numbers.setdefault(tuple(one[name] for name in _GROUP), -1 - len(numbers)) for one in chunk]
        new = list(itertools.islice(numbers.items(), before, None))
        if new:
            groups = [dict(zip(_GROUP, key, strict=True)) | {"group_id": number} for key, number in new]
            connection.execute(sa.insert(group), groups)
        rows = [
            {name: one[name] for name in _ROW} | {"group_id": number}
            for one, number in zip(chunk, members, strict=True)
        ]
        connection.execute(sa.insert(row), rows)


def _chunks(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """The old decisions, each with what the rules preferred and whether it was to be sent."""
    old = connection.execute(
        sa.text(
            "SELECT d.*, COALESCE(said.action, d.action) AS rules_action, "
            "CASE WHEN o.decision_id IS NULL THEN 0 ELSE 1 END AS sent FROM decision AS d "
            "LEFT JOIN prediction AS said ON said.decision_id = d.decision_id AND said.role = 'baseline' "
            "LEFT JOIN outbox AS o ON o.decision_id = d.decision_id ORDER BY d.batch_id, d.snapshot_row"
        )
    ).mappings()
    while chunk := [dict(one) | {"is_sent": bool(one["sent"])} for one in old.fetchmany(_CHUNK_ROWS)]:
        yield chunk


def _move_parts(connection: sa.Connection) -> None:
    """What the events of a decided batch named becomes its part 0; one that is under way is cut and frozen anew."""
    table = sa.Table("batch_part", sa.MetaData(), autoload_with=connection)
    decided = set(connection.execute(sa.text("SELECT batch_id FROM batch_event WHERE state = 'decided'")).scalars())
    sizes: dict[str, int] = dict(connection.execute(sa.text("SELECT digest, rows FROM snapshot")).tuples().all())
    attempts: dict[str, int] = {}
    found = connection.execute(
        sa.text("SELECT batch_id, state, detail, at FROM batch_event ORDER BY batch_id, seq")
    ).mappings()
    parts = {}
    for event in found.all():
        if event["state"] == "opened":
            attempts[event["batch_id"]] = attempts.get(event["batch_id"], 0) + 1
        detail = json.loads(event["detail"])
        named = [_KIND_OF_STATE.get(event["state"], ("", "")), ("predictions", "predictions")]
        for kind, name in named:
            if name in detail and event["batch_id"] in decided:
                key = (event["batch_id"], attempts.get(event["batch_id"], 1), kind)
                parts[key] = {"digest": detail[name], "at": event["at"], "rows": sizes.get(detail[name], 0)}
    rows = [
        {"batch_id": batch_id, "attempt": attempt, "kind": kind, "part": 0, **part}
        for (batch_id, attempt, kind), part in parts.items()
    ]
    if rows:
        connection.execute(sa.insert(table), rows)
