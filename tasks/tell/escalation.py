"""What is critical and acknowledged by nobody goes to the next name of the contract's list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.incidents import open_incidents
from decisionloop.ledger.notices import Notice, append_notices, notice_id_of
from decisionloop.ledger.present_alerts import unanswered
from decisionloop.monitor.alarm.escalation import told_by_now
from decisionloop.monitor.alarm.runbook import runbook_of_alert, runbook_of_incident
from decisionloop.settings import load_settings
from decisionloop.workspace import Workspace

OCCASION = "nobody has acknowledged it"


@dataclass(frozen=True)
class _Unanswered:
    """Something critical: how it is acknowledged, since when it is there, and its words."""

    subject: str
    since: datetime
    title: str
    body: str
    answer: str


def pass_on(workspace: Workspace, now: datetime) -> int:
    """Queue a notice for each further name that is to be told by ``now``; returns how many are news."""
    terms = workspace.use_case.watchdog
    if not terms.escalate_to:
        return 0
    waiting = (*_alerts(workspace), *_incidents(workspace))
    told = [
        _notice(workspace.use_case.name, one, channel, now)
        for one in waiting
        for channel in told_by_now(terms, one.since, now)
    ]
    return append_notices(workspace.ledger, told)


def _alerts(workspace: Workspace) -> Iterator[_Unanswered]:
    name, base = workspace.use_case.name, load_settings().runbook_url
    for one in unanswered(workspace.ledger, name):
        body = f"{one.message}\n\n{one.remedy}\n\nRunbook: {runbook_of_alert(one.kind, base)}"
        yield _Unanswered(one.alert_id, one.at, f"{one.batch_id or name}: {one.kind}", body, "alerts")


def _incidents(workspace: Workspace) -> Iterator[_Unanswered]:
    name, base = workspace.use_case.name, load_settings().runbook_url
    for one in open_incidents(workspace.ledger, name):
        if one.severity != "critical" or one.state != "opened":
            continue
        alarms = alarms_of(workspace.ledger, name, one.incident_id)
        since = min(alarm.at for alarm in alarms if alarm.severity == "critical")
        body = f"{one.last_words}\n\n{one.suggestion}\n\nRunbook: {runbook_of_incident(one.family, base)}"
        yield _Unanswered(one.incident_id, since, one.incident_id, body, "incidents")


def _notice(use_case: str, one: _Unanswered, channel: str, now: datetime) -> Notice:
    how = f"`decisionloop {one.answer} ack {one.subject} --by NAME --reason WHAT` says that somebody looks after it."
    return Notice(
        notice_id=notice_id_of(use_case, one.subject, OCCASION, channel),
        use_case=use_case,
        subject=one.subject,
        channel=channel,
        severity="critical",
        title=f"[critical] {one.title}: {OCCASION}",
        body=f"{one.body}\n\nNobody has acknowledged this since {one.since:%Y-%m-%d %H:%M} UTC. {how}",
        not_before=now,
        at=now,
    )
