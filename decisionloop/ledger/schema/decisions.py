"""Tables of what was decided, sent and seen: one row a decision, and what hangs off its id.

The bulk tables have no foreign keys: the transaction that writes a batch writes all of its rows.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import MONTHLY, UtcDateTime, metadata, views


class DecisionGroupColumns(TypedColumns):
    """What the decisions of one part of a batch that were made in the same way have in common, said once.

    `release_seq`: the last event of the use case's releases when the batch was scored, which says who stood where.
    """

    group_id: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    batch_id: Named[str]
    use_case: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    snapshot_digest: Named[str]
    release_id: Named[str]
    role: Named[str]
    action: Named[str]
    rules_action: Named[str]
    is_sent: Named[bool]
    fallback_reason: Named[str | None]
    policy_version: Named[str]
    contract_digest: Named[str]
    latency_ms: Named[float]
    decided_at: Named[datetime] = Column(UtcDateTime)
    release_seq: Named[int | None]


decision_group: Table[DecisionGroupColumns] = Table("decision_group", metadata, DecisionGroupColumns)
Index(None, decision_group.c.batch_id)


class DecisionRowColumns(TypedColumns):
    """What is one decision's own. A row is narrow, because a batch writes a million of them.

    `propensity`: null where another system decided and nobody knows how it draws.
    """

    decision_id: Named[str] = Column(primary_key=True)
    group_id: Named[int] = Column(BigInteger)
    entity_id: Named[str]
    snapshot_row: Named[int]
    score: Named[float | None]
    amount: Named[float | None]
    action_values: Named[str]
    propensity: Named[float | None]
    reason_codes: Named[str]


decision_row: Table[DecisionRowColumns] = Table(
    "decision_row",
    metadata,
    DecisionRowColumns,
    CheckConstraint("propensity > 0 AND propensity <= 1", name="propensity"),
    info=MONTHLY,
)
Index(None, decision_row.c.group_id)


class DecisionColumns(TypedColumns):
    """The whole story of one decision: its row and its group joined, as the view `decision` tells it."""

    decision_id: Named[str] = Column(primary_key=True)
    batch_id: Named[str]
    use_case: Named[str]
    entity_id: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    snapshot_digest: Named[str]
    snapshot_row: Named[int]
    release_id: Named[str]
    role: Named[str]
    score: Named[float | None]
    amount: Named[float | None]
    action_values: Named[str]
    action: Named[str]
    rules_action: Named[str]
    is_sent: Named[bool]
    propensity: Named[float | None]
    reason_codes: Named[str]
    fallback_reason: Named[str | None]
    policy_version: Named[str]
    contract_digest: Named[str]
    latency_ms: Named[float]
    decided_at: Named[datetime] = Column(UtcDateTime)
    release_seq: Named[int | None]


decision: Table[DecisionColumns] = Table("decision", views, DecisionColumns)


class OutboxColumns(TypedColumns):
    """An action that must leave the house exactly once; its decision id is the idempotency key.

    A view: a decision that is to be sent is its own message, so that none can be lost or invented between the two.
    """

    decision_id: Named[str] = Column(primary_key=True)
    batch_id: Named[str]
    use_case: Named[str]
    entity_id: Named[str]
    action: Named[str]
    payload: Named[str]
    queued_at: Named[datetime] = Column(UtcDateTime)
    role: Named[str]


outbox: Table[OutboxColumns] = Table("outbox", views, OutboxColumns)


class ShadowRunColumns(TypedColumns):
    """How a release in shadow fared on one batch."""

    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"), primary_key=True)
    release_id: Named[str] = Column(ForeignKey("release.release_id"), primary_key=True)
    status: Named[str]
    error: Named[str | None]
    rows: Named[int]
    nan_rows: Named[int]
    latency_ms: Named[float]
    at: Named[datetime] = Column(UtcDateTime)


shadow_run: Table[ShadowRunColumns] = Table("shadow_run", metadata, ShadowRunColumns)
Index(None, shadow_run.c.release_id)


class DeliveryColumns(TypedColumns):
    """One attempt to deliver an action."""

    decision_id: Named[str] = Column(primary_key=True)
    attempt: Named[int] = Column(primary_key=True, autoincrement=False)
    status: Named[str]
    detail: Named[str | None]
    at: Named[datetime] = Column(UtcDateTime)


delivery: Table[DeliveryColumns] = Table("delivery", metadata, DeliveryColumns, info=MONTHLY)


class OutcomeColumns(TypedColumns):
    """What became of a decision, as first or later reported."""

    decision_id: Named[str] = Column(primary_key=True)
    revision: Named[int] = Column(primary_key=True, autoincrement=False)
    outcome_class: Named[int | None]
    amount: Named[float | None]
    observed_at: Named[datetime] = Column(UtcDateTime)
    recorded_at: Named[datetime] = Column(UtcDateTime)
    kind: Named[str]
    happened_at: Named[datetime | None] = Column(UtcDateTime)


outcome: Table[OutcomeColumns] = Table("outcome", metadata, OutcomeColumns, info=MONTHLY)


class ExecutionColumns(TypedColumns):
    """What was really executed of a decision, as first or later told; where nothing is, what was chosen."""

    decision_id: Named[str] = Column(primary_key=True)
    revision: Named[int] = Column(primary_key=True, autoincrement=False)
    executed_action: Named[str]
    overridden_by: Named[str | None]
    override_reason: Named[str | None]
    observed_at: Named[datetime] = Column(UtcDateTime)
    recorded_at: Named[datetime] = Column(UtcDateTime)


execution: Table[ExecutionColumns] = Table("execution", metadata, ExecutionColumns, info=MONTHLY)


class OutcomeIntakeColumns(TypedColumns):
    """What one reading of outcomes found, row by row accounted for."""

    intake_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    rows_read: Named[int]
    matched: Named[int]
    first: Named[int]
    late: Named[int]
    duplicate: Named[int]
    contradictory: Named[int]
    unknown: Named[int]
    invalid: Named[int]
    detail: Named[str]
    at: Named[datetime] = Column(UtcDateTime)
    after_window: Named[int] = Column(server_default="0")
    executed: Named[int] = Column(server_default="0")


outcome_intake: Table[OutcomeIntakeColumns] = Table("outcome_intake", metadata, OutcomeIntakeColumns)
Index(None, outcome_intake.c.use_case, outcome_intake.c.as_of)
