"""Notices that are due leave through Prefect's blocks, which are loaded only where any is due."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from decisionloop.ledger.notices import NoticeStatus, append_notice_attempt, count_waiting, pending_notices
from decisionloop.ledger.storage.engine import Ledger

FAILURES_IN_A_ROW = 3
"""A channel that failed so often in one run is down: the rest waits for the next run instead of for timeouts."""


@dataclass(frozen=True)
class NoticeCounts:
    """What became of the notices of a run; ``waiting`` counts all that are still undelivered, also in quiet hours."""

    delivered: int
    failed: int
    waiting: int


def send_due_notices(ledger: Ledger, use_case: str, now: datetime) -> NoticeCounts:
    """Send every notice of a use case that is due at ``now``; neither its contract nor its code is asked."""
    in_a_row, counts = Counter[str](), Counter[str]()
    due = pending_notices(ledger, use_case, now)
    if not due:
        return NoticeCounts(0, 0, count_waiting(ledger, use_case))
    from tasks.tell.announcements import announce
    from tasks.tell.channels import send

    for notice in due:
        if in_a_row[notice.channel] >= FAILURES_IN_A_ROW:
            continue
        problem = send(notice.channel, notice.title, notice.body)
        status: NoticeStatus = "failed" if problem else "delivered"
        append_notice_attempt(ledger, notice.notice_id, status, problem)
        in_a_row[notice.channel] = in_a_row[notice.channel] + 1 if problem else 0
        counts[status] += 1
        if problem:
            announce("notice.failed", use_case, notice.subject, {"channel": notice.channel, "problem": problem})
    return NoticeCounts(counts["delivered"], counts["failed"], count_waiting(ledger, use_case))
