"""Alarm: an automation, or a person, says that something is wrong, and people are told."""

from __future__ import annotations

from prefect import flow

from decisionloop.contract.monitoring import AlarmSeverity
from decisionloop.monitor.alarm.runbook import AlertKind
from flows.ending import says
from flows.naming import run_name
from tasks.observed import observed
from tasks.tell.notices import alert_people, deliver_notices

REMEDY = "Look at the events and the runs of this time in Prefect's UI."


@flow(name="alarm", flow_run_name=run_name)
@says()
@observed
def alarm(
    use_case: str,
    message: str,
    severity: AlarmSeverity = "critical",
    kind: AlertKind = "automation",
    remedy: str = REMEDY,
    event: str = "",
) -> str:
    """Raise an alert and tell people; returns what became of it in a sentence.

    1. Keep the alert in the ledger and queue a notice for each channel of the contract that wants it.
    2. Send what is due, also what could not be delivered before.

    Args:
        use_case: Name of the use case.
        message: What is wrong, in a sentence.
        severity: How bad it is; a critical one wakes people in quiet hours too.
        kind: What it is about, which chooses the page of the runbook.
        remedy: What whoever reads it should do.
        event: Id of the event that it is about: the same event is told once. Empty where there is none.
    """
    is_new = alert_people(use_case, message, severity, kind, remedy, event)
    told = deliver_notices(use_case)
    said = "Raised" if is_new else "Raised before, or nothing to tell"
    return f"{said}: {message} {told.delivered} notices delivered, {told.failed} failed, {told.waiting} wait."
