"""Decisions one at a time and posted outcomes, until they are in batches; and API keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _table("stream_segment", "segment_id", "use_case", _time("as_of"), _whole("rows"), "deciders", "record",
           _time("decided_at"))  # fmt: skip
    _index("stream_segment", "use_case", "as_of")
    _table("stream_decision", "decision_id", "segment_id", of={"segment_id": "stream_segment.segment_id"})
    _table("stream_request", "request_id", "use_case", "body_digest", "answer", _time("answered_at"))
    of = {"segment_id": "stream_segment.segment_id", "batch_id": "batch.batch_id"}
    _table("sealed_segment", "segment_id", "batch_id", _whole("place"), of=of)
    _index("sealed_segment", "batch_id")
    maybe = [_text(name, is_nullable=True) for name in ("decision_id", "entity_id")]
    numbers: list[sa.Column] = [sa.Column(name, sa.Double(), nullable=True) for name in ("outcome_class", "amount")]
    _table("posted_outcome", "outcome_id", "use_case", *maybe, _time("decision_time", is_nullable=True), *numbers,
           _time("observed_at"), _time("happened_at", is_nullable=True), _time("posted_at"))  # fmt: skip
    _index("posted_outcome", "use_case", "observed_at")
    _index("posted_outcome", "decision_id")
    _table("api_key", "key_id", "name", "sha256", "scopes", "made_by", _time("made_at"))
    _index("api_key", "sha256", is_unique=True)
    _table("revoked_key", "key_id", "reason", "revoked_by", _time("revoked_at"), of={"key_id": "api_key.key_id"})
    tables = "stream_segment", "stream_decision", "stream_request", "sealed_segment", "posted_outcome", "api_key"
    make_append_only(op.get_bind(), (*tables, "revoked_key"))


def _table(name: str, *columns: str | sa.Column, of: dict[str, str] | None = None) -> None:
    """A table whose first column is its key; columns that are only named are text."""
    made = [_text(one) if isinstance(one, str) else one for one in columns]
    foreign = [sa.ForeignKeyConstraint([one], [target], name=f"fk_{name}_{one}") for one, target in (of or {}).items()]
    op.create_table(name, *made, sa.PrimaryKeyConstraint(made[0].name, name=f"pk_{name}"), *foreign)


def _text(name: str, is_nullable: bool = False) -> sa.Column:
    return sa.Column(name, Text, nullable=is_nullable)


def _time(name: str, is_nullable: bool = False) -> sa.Column:
    return sa.Column(name, UtcDateTime(), nullable=is_nullable)


def _whole(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer(), nullable=False)


def _index(table: str, *columns: str, is_unique: bool = False) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), unique=is_unique)
