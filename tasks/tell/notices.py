"""People are told: alerts and news of incidents are queued as notices, and sent through Prefect's blocks."""

from __future__ import annotations

from datetime import datetime

from decisionloop.contract.monitoring import AlarmSeverity
from decisionloop.ledger.alerts import NewAlert
from decisionloop.ledger.schema import utc_now
from decisionloop.monitor.alarm.runbook import AlertKind
from decisionloop.workspace import open_ledger_alone, open_workspace
from tasks.step import step
from tasks.tell.queueing import raise_alert
from tasks.tell.sending import NoticeCounts, send_due_notices

HAS_ENDED = "Run is already in terminal state"
"""What Prefect says where an automation would mark a run as crashed that has ended by itself."""


@step
def deliver_notices(use_case: str, now: datetime | None = None) -> NoticeCounts:
    """Send every notice that is due; what fails is kept, shown by `decisionloop status`, and tried again next time."""
    return send_due_notices(open_ledger_alone(), use_case, now or utc_now())


@step
def alert_people(
    use_case: str, message: str, severity: AlarmSeverity, kind: AlertKind, remedy: str, occasion: str = ""
) -> bool:
    """Raise an alert about a use case as a whole; False where it was raised before, or there is nothing to tell.

    A run whose last heartbeat arrives after its end looks silent ten minutes later: to mark it fails, and it is well.
    """
    if kind == "automation" and HAS_ENDED in message:
        return False
    return raise_alert(open_workspace(use_case), NewAlert(severity, kind, message, remedy, occasion=occasion))
