"""Tables of what people are told: notices that wait to be sent, and every attempt to send one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class NoticeColumns(TypedColumns):
    """A message about an incident or an alert, for one channel; it is not sent before `not_before`."""

    notice_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    subject: Named[str]
    channel: Named[str]
    severity: Named[str]
    title: Named[str]
    body: Named[str]
    not_before: Named[datetime] = Column(UtcDateTime)
    at: Named[datetime] = Column(UtcDateTime)


notice: Table[NoticeColumns] = Table("notice", metadata, NoticeColumns)
Index(None, notice.c.use_case, notice.c.at)


class NoticeAttemptColumns(TypedColumns):
    """One attempt to send a notice: delivered or failed."""

    notice_id: Named[str] = Column(ForeignKey("notice.notice_id"), primary_key=True)
    attempt: Named[int] = Column(primary_key=True, autoincrement=False)
    status: Named[str]
    detail: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


notice_attempt: Table[NoticeAttemptColumns] = Table("notice_attempt", metadata, NoticeAttemptColumns)
