"""People are told: alerts and news of incidents are queued as notices, and sent through Prefect's blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from decisionloop.contract import UseCase
from decisionloop.contract.monitoring import AlarmSeverity
from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.notices import (
    Notice,
    NoticeStatus,
    append_notice_attempt,
    append_notices,
    count_waiting,
    notice_id_of,
    pending_notices,
)
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.masking import masked
from decisionloop.monitor.alarm.message import Notification
from decisionloop.monitor.alarm.runbook import AlertKind, runbook_of_alert
from decisionloop.monitor.alarm.whom_to_wake import is_wanted, not_before
from decisionloop.settings import load_settings
from decisionloop.workspace import Workspace, open_ledger_alone, open_workspace
from tasks.step import step
from tasks.tell.announcements import announce
from tasks.tell.channels import send

FAILURES_IN_A_ROW = 3
"""A channel that failed so often in one run is down: the rest waits for the next run instead of for timeouts."""


@dataclass(frozen=True)
class NoticeCounts:
    """What became of the notices of a run; ``waiting`` counts all that are still undelivered, also in quiet hours."""

    delivered: int
    failed: int
    waiting: int


@step
def deliver_notices(use_case: str, now: datetime | None = None) -> NoticeCounts:
    """Send every notice that is due; what fails is kept, shown by `decisionloop status`, and tried again next time."""
    return send_due_notices(open_ledger_alone(), use_case, now or utc_now())


def send_due_notices(ledger: Ledger, use_case: str, now: datetime) -> NoticeCounts:
    """Send every notice of a use case that is due at ``now``; neither its contract nor its code is asked."""
    in_a_row, counts = Counter[str](), Counter[str]()
    for notice in pending_notices(ledger, use_case, now):
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


@step
def alert_people(
    use_case: str, message: str, severity: AlarmSeverity, kind: AlertKind, remedy: str, occasion: str = ""
) -> bool:
    """Raise an alert about a use case as a whole; False where it was raised before."""
    return raise_alert(open_workspace(use_case), NewAlert(severity, kind, message, remedy, occasion=occasion))


def raise_alert(workspace: Workspace, new: NewAlert) -> bool:
    """Raise an alert and queue a notice of it for every channel that wants it; False where it was raised before."""
    with workspace.ledger.begin() as connection:
        return append_alert_and_notices(connection, workspace.use_case, new)


def telling(use_case: UseCase) -> Callable[[Connection, NewAlert], object]:
    """Tells people of an alert in the transaction that is given, as going back and stopping want it."""
    return lambda connection, alert: append_alert_and_notices(connection, use_case, alert)


def append_alert_and_notices(connection: Connection, use_case: UseCase, new: NewAlert) -> bool:
    """`raise_alert` in the caller's transaction, so that what is told is as true as what it tells of."""
    is_new = append_alert(connection, use_case.name, new)
    if is_new:
        about = new.batch_id or use_case.name
        page = runbook_of_alert(new.kind, load_settings().runbook_url)
        told = Notification(new.severity, f"{about}: {new.kind}", f"{new.message}\n\n{new.remedy}\n\nRunbook: {page}")
        queue_notices(connection, use_case, f"{about}/{new.kind}", f"{new.message} {new.occasion}", told)
    return is_new


def queue_notices(connection: Connection, use_case: UseCase, subject: str, occasion: str, message: Notification) -> int:
    """Queue a message for every channel that wants to hear of it; the same subject and occasion are queued once."""
    now = utc_now()
    notices = [
        Notice(
            notice_id=notice_id_of(use_case.name, subject, occasion, channel.block),
            use_case=use_case.name,
            subject=subject,
            channel=channel.block,
            severity=message.severity,
            title=masked(f"[{message.severity}] {message.title}"),
            body=masked(message.body),
            not_before=not_before(now, channel, message.severity),
            at=now,
        )
        for channel in use_case.monitors.notifications
        if is_wanted(channel, message.severity)
    ]
    return append_notices(connection, notices)
