"""Releases as a state machine: one order of what happened to them, who stood where when a batch was scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from decisionloop.ledger.schema.columns import Text, UtcDateTime
from decisionloop.ledger.storage.append_only import make_append_only

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_DECISION_VIEW = """
CREATE VIEW decision AS
SELECT r.decision_id, g.batch_id, g.use_case, r.entity_id, g.as_of, g.snapshot_digest, r.snapshot_row, g.release_id,
       g.role, r.score, r.amount, r.action_values, g.action, g.rules_action, g.is_sent, r.propensity, r.reason_codes,
       g.fallback_reason, g.policy_version, g.contract_digest, g.latency_ms, g.decided_at, g.release_seq
FROM decision_row AS r JOIN decision_group AS g ON g.group_id = r.group_id
"""
_OLD_EVENTS = sa.text(
    "SELECT e.release_id, e.seq, e.stage, e.reason, e.decided_by, e.at, r.use_case, r.kind, r.created_at "
    "FROM release_event AS e JOIN release AS r ON r.release_id = e.release_id"
).columns(at=UtcDateTime(), created_at=UtcDateTime())
_KINDS = {"gate": "gate", "monitors": "guard", "decisionloop": "decisionloop", "learn": "decisionloop"}
"""Who an earlier version wrote as deciding; whoever else it was, was a person."""
_UPGRADE = "an earlier version kept two releases in this place"
Row = dict[str, Any]


def upgrade() -> None:
    """Write the events anew in one order, and make room for what verdicts and decisions say of releases."""
    connection = op.get_bind()
    old = [dict(row) for row in connection.execute(_OLD_EVENTS).mappings()]
    op.drop_table("release_event")
    table = _create_events()
    rows = [row for use_case in sorted({one["use_case"] for one in old}) for row in _events_of(old, use_case)]
    if rows:
        connection.execute(sa.insert(table), rows)
    make_append_only(connection, ("release_event",))
    op.add_column("verdict", sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
    op.execute(sa.text("DROP VIEW decision"))
    op.add_column("decision_group", sa.Column("release_seq", sa.Integer(), nullable=True))
    op.execute(sa.text(_DECISION_VIEW))


def _create_events() -> sa.Table:
    table = op.create_table(
        "release_event",
        sa.Column("use_case", Text, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("release_id", Text, nullable=False),
        sa.Column("stage_before", Text, nullable=True),
        sa.Column("stage", Text, nullable=False),
        sa.Column("share", sa.Double(), nullable=True),
        *(sa.Column(name, Text, nullable=False) for name in ("decider", "decided_by", "reason", "evidence")),
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("use_case", "seq", name="pk_release_event"),
        sa.ForeignKeyConstraint(["release_id"], ["release.release_id"], name="fk_release_event_release_id"),
    )
    op.create_index("ix_release_event_release_id", "release_event", ["release_id"])
    return table


def _events_of(old: Sequence[Row], use_case: str) -> Iterator[Row]:
    """The events of a use case in one order, with what earlier versions left unsaid: who left a place, and for what."""
    walk = _Walk(use_case)
    for event in _in_order([one for one in old if one["use_case"] == use_case]):
        walk.enter(event, event["stage"], event["reason"], event["decided_by"])
        walk.settle(event)
    decides = _champion(old, use_case)
    last = walk.written[-1] | {"at": walk.written[-1]["as_of"]}
    for release_id, stage in list(walk.stages.items()):
        if stage == "champion" and release_id != decides:
            walk.enter(last | {"release_id": release_id}, walk.place_beside(release_id), _UPGRADE, "decisionloop")
    yield from walk.written


def _in_order(events: Sequence[Row]) -> list[Row]:
    """By time, and the events of one release always in their own order, whatever clock wrote them."""
    latest: dict[str, datetime] = {}
    keyed = []
    for event in sorted(events, key=lambda one: (one["release_id"], one["seq"])):
        at = max(event["at"], latest.get(event["release_id"], event["at"]))
        latest[event["release_id"]] = at
        keyed.append(((at, event["seq"], event["created_at"], event["release_id"]), event))
    return [event for _, event in sorted(keyed, key=lambda one: one[0])]


def _champion(old: Sequence[Row], use_case: str) -> str | None:
    """Who decided under the earlier version: of those whose last stage was champion the latest."""
    last: dict[str, Row] = {}
    for event in sorted(old, key=lambda one: (one["created_at"], one["release_id"], one["seq"])):
        if event["use_case"] == use_case:
            last[event["release_id"]] = event
    champions = [event for event in last.values() if event["stage"] == "champion"]
    return max(champions, key=lambda one: one["at"])["release_id"] if champions else None


class _Walk:
    """The events of one use case as they are written anew."""

    def __init__(self, use_case: str) -> None:
        self.use_case = use_case
        self.written: list[Row] = []
        self.stages: dict[str, str] = {}
        self.rules: list[str] = []

    def enter(self, event: Row, stage: str, reason: str, decided_by: str) -> None:
        """Write one event; one of a stage that the release is in already says nothing."""
        release_id = event["release_id"]
        before = self.stages.get(release_id)
        if before == stage:
            return
        if event.get("kind") == "rules" and release_id not in self.rules:
            self.rules.append(release_id)
        self.stages[release_id] = stage
        self.written.append(
            {
                "use_case": self.use_case,
                "seq": len(self.written) + 1,
                "release_id": release_id,
                "stage_before": before,
                "stage": stage,
                "share": None,
                "decider": _KINDS.get(decided_by, "person"),
                "decided_by": decided_by,
                "reason": reason,
                "evidence": "{}",
                "as_of": event["at"],
                "recorded_at": None,
            }
        )

    def settle(self, event: Row) -> None:
        """One baseline beside a model that decides: the newest rules; those before them retire, without a word then."""
        models = [one for one, stage in self.stages.items() if stage == "champion" and one not in self.rules]
        in_use = [one for one in self.rules if self.stages[one] in {"champion", "candidate", "baseline"}]
        if not models or not in_use:
            return
        for release_id in in_use:
            place = self.place_beside(release_id)
            why = f"{models[-1]} decides" if place == "baseline" else f"{in_use[-1]} are the rules"
            self.enter(event | {"release_id": release_id}, place, why, "decisionloop")

    def place_beside(self, release_id: str) -> str:
        """Where a release belongs beside another one that decides."""
        in_use = [one for one in self.rules if self.stages[one] in {"champion", "candidate", "baseline"}]
        return "baseline" if in_use and in_use[-1] == release_id else "retired"
