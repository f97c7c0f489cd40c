"""Tables of what came in: contracts, batches and their states, snapshots, results of validation."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Named, Table, TypedColumns, UniqueConstraint

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class UseCaseVersionColumns(TypedColumns):
    """One contract of a use case, word for word."""

    contract_digest: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    contract_version: Named[int]
    contract_yaml: Named[str]
    recorded_at: Named[datetime] = Column(UtcDateTime)


use_case_version: Table[UseCaseVersionColumns] = Table("use_case_version", metadata, UseCaseVersionColumns)


class BatchColumns(TypedColumns):
    """One use case at one as-of time."""

    batch_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    contract_digest: Named[str] = Column(ForeignKey("use_case_version.contract_digest"))
    opened_at: Named[datetime] = Column(UtcDateTime)


batch: Table[BatchColumns] = Table("batch", metadata, BatchColumns, UniqueConstraint("use_case", "as_of"))


class BatchEventColumns(TypedColumns):
    """A state that a batch reached."""

    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"), primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    state: Named[str]
    detail: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


batch_event: Table[BatchEventColumns] = Table("batch_event", metadata, BatchEventColumns)


class BatchPartColumns(TypedColumns):
    """A table that one part of a batch's rows left behind in one attempt: who is due, features, scores and so on."""

    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"), primary_key=True)
    attempt: Named[int] = Column(primary_key=True, autoincrement=False)
    kind: Named[str] = Column(primary_key=True)
    part: Named[int] = Column(primary_key=True, autoincrement=False)
    digest: Named[str]
    rows: Named[int] = Column(BigInteger)
    at: Named[datetime] = Column(UtcDateTime)


batch_part: Table[BatchPartColumns] = Table("batch_part", metadata, BatchPartColumns)


class SnapshotColumns(TypedColumns):
    """A file in the snapshot store, named by the sha256 of its bytes."""

    digest: Named[str] = Column(primary_key=True)
    kind: Named[str]
    uri: Named[str]
    rows: Named[int] = Column(BigInteger)
    bytes: Named[int] = Column(BigInteger)
    recorded_at: Named[datetime] = Column(UtcDateTime)


snapshot: Table[SnapshotColumns] = Table("snapshot", metadata, SnapshotColumns)


class ExpectationResultColumns(TypedColumns):
    """What one expectation said about a batch."""

    result_id: Named[str] = Column(primary_key=True)
    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"))
    attempt: Named[int]
    expectation: Named[str]
    column_name: Named[str | None]
    severity: Named[str]
    is_success: Named[bool]
    observed: Named[str | None]
    unexpected_count: Named[int | None] = Column(BigInteger)
    unexpected_share: Named[float | None]
    remedy: Named[str]


expectation_result: Table[ExpectationResultColumns] = Table("expectation_result", metadata, ExpectationResultColumns)
Index(None, expectation_result.c.batch_id, expectation_result.c.attempt)
