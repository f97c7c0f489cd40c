"""Messages to people on their way out: what is queued for which channel, and every attempt to send it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select

from decisionloop.ledger.schema import notice, notice_attempt, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

NoticeStatus = Literal["delivered", "failed"]


@dataclass(frozen=True)
class Notice:
    """A message about ``subject`` (an incident or alert) for ``channel``, the type/name of a notification block."""

    notice_id: str
    use_case: str
    subject: str
    channel: str
    severity: str
    title: str
    body: str
    not_before: datetime
    at: datetime


@dataclass(frozen=True)
class NoticeAttempt:
    """One attempt to send a notice and how it ended."""

    notice_id: str
    attempt: int
    status: NoticeStatus
    detail: str
    at: datetime


@dataclass(frozen=True)
class Undelivered:
    """A notice that failed every time that it was tried: how often, and what the last attempt said."""

    notice_id: str
    channel: str
    severity: str
    title: str
    attempts: int
    detail: str
    at: datetime


def notice_id_of(use_case: str, subject: str, occasion: str, channel: str) -> str:
    """The id of the message about a subject on one occasion by one channel: queuing it again is the same fact."""
    return facts.fact_id(use_case, subject, occasion, channel)


def append_notices(target: Ledger | Connection, notices: Sequence[Notice]) -> int:
    """Queue notices; returns how many were new."""
    return facts.add(target, notice, notices)


def pending_notices(source: Ledger | Connection, use_case: str, now: datetime) -> tuple[Notice, ...]:
    """The notices that were not delivered yet and whose quiet hours are over at ``now``.

    Those that were tried least come first, then the oldest, so that one that keeps failing holds up nothing.
    """
    attempts = select(func.count()).where(notice_attempt.c.notice_id == notice.c.notice_id).scalar_subquery()
    where = (notice.c.use_case == use_case, ~_has("delivered"), notice.c.not_before <= now)
    order: list[ColumnElement[Any]] = [attempts, notice.c.at, notice.c.notice_id]
    return facts.every(source, Notice, notice, *where, order_by=order)


def count_waiting(source: Ledger | Connection, use_case: str) -> int:
    """How many notices were not delivered yet: never tried, failed, or in quiet hours."""
    statement = select(func.count()).select_from(notice).where(notice.c.use_case == use_case, ~_has("delivered"))
    with facts.reading(source) as connection:
        return connection.execute(statement).scalar_one()


def append_notice_attempt(
    target: Ledger | Connection, notice_id: str, status: NoticeStatus, detail: str, at: datetime | None = None
) -> NoticeAttempt:
    """Append how an attempt to send a notice ended; attempts count from 1."""
    with facts.writing(target) as connection:
        while True:  # another process may have taken the number since we read it
            last = connection.execute(_last_attempt(notice_id)).scalar()
            new = NoticeAttempt(notice_id, 1 + (last or 0), status, detail, at or utc_now())
            if facts.add(connection, notice_attempt, [new]):
                return new


def undelivered_notices(source: Ledger | Connection, use_case: str) -> tuple[Undelivered, ...]:
    """The notices that failed and were not delivered since, oldest first: what `status` must show."""
    table, newer = notice_attempt.c, notice_attempt.alias("newer")
    is_last = ~exists().where(newer.c.notice_id == table.notice_id, newer.c.attempt > table.attempt)
    statement = (
        select(
            notice.c.notice_id,
            notice.c.channel,
            notice.c.severity,
            notice.c.title,
            table.attempt,
            table.detail,
            notice.c.at,
        )
        .join(notice_attempt, table.notice_id == notice.c.notice_id)
        .where(notice.c.use_case == use_case, ~_has("delivered"), is_last)
        .order_by(notice.c.at, notice.c.notice_id)
    )
    return facts.as_facts(source, Undelivered, statement)


def _has(status: NoticeStatus) -> ColumnElement[bool]:
    tried = notice_attempt.alias("tried")  # a name of its own: the caller may read the attempts as well
    return exists().where(tried.c.notice_id == notice.c.notice_id, tried.c.status == status)


def _last_attempt(notice_id: str) -> Select[int]:
    return select(func.max(notice_attempt.c.attempt)).where(notice_attempt.c.notice_id == notice_id)
