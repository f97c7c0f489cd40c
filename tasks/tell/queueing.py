"""Alerts and their notices are queued in the ledger, in the transaction of what they tell of. Prefect is not needed."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from decisionloop.contract import UseCase
from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.notices import Notice, append_notices, notice_id_of
from decisionloop.ledger.schema import utc_now
from decisionloop.masking import masked
from decisionloop.monitor.alarm.message import Notification
from decisionloop.monitor.alarm.runbook import runbook_of_alert
from decisionloop.monitor.alarm.whom_to_wake import is_wanted, not_before
from decisionloop.settings import load_settings
from decisionloop.workspace import Workspace


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
