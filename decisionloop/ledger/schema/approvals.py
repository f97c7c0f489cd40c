"""Tables of what a person must approve before it is done, what was answered, and the codes that prove who answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class ApprovalRequestColumns(TypedColumns):
    """A release that may decide as soon as a person approves: for what (`purpose`), beside whom, and until when."""

    use_case: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    release_id: Named[str] = Column(ForeignKey("release.release_id"))
    attempt: Named[int]
    purpose: Named[str]
    champion_id: Named[str] = Column(ForeignKey("release.release_id"))
    requested_by: Named[str]
    reason: Named[str]
    evidence: Named[str]
    requested_at: Named[datetime] = Column(UtcDateTime)
    answer_until: Named[datetime] = Column(UtcDateTime)


approval_request: Table[ApprovalRequestColumns] = Table("approval_request", metadata, ApprovalRequestColumns)
Index(None, approval_request.c.release_id)


class ApprovalCodeColumns(TypedColumns):
    """A code that proves once who its approver is, as a salted hash."""

    code_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    approver: Named[str]
    salt: Named[str]
    digest: Named[str]
    made_at: Named[datetime] = Column(UtcDateTime)


approval_code: Table[ApprovalCodeColumns] = Table("approval_code", metadata, ApprovalCodeColumns)
Index(None, approval_code.c.use_case, approval_code.c.approver)


class ApprovalAnswerColumns(TypedColumns):
    """The one answer to a request. `code_id` is null where nothing but the caller's word says who answered."""

    use_case: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    answer: Named[str]
    answered_by: Named[str]
    code_id: Named[str | None] = Column(ForeignKey("approval_code.code_id"), unique=True)
    note: Named[str]
    answered_at: Named[datetime] = Column(UtcDateTime)


approval_answer: Table[ApprovalAnswerColumns] = Table(
    "approval_answer",
    metadata,
    ApprovalAnswerColumns,
    ForeignKeyConstraint(
        ["use_case", "seq"], ["approval_request.use_case", "approval_request.seq"], name="fk_approval_answer_request"
    ),
)
