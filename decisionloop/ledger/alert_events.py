"""What became of alerts: acknowledged by a person, or closed because they are over."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import Alert
from decisionloop.ledger.schema import alert, alert_event, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

AlertState = Literal["acknowledged", "closed"]


@dataclass(frozen=True)
class AlertEvent:
    """A state that an alert reached, by whom and why."""

    alert_id: str
    seq: int
    use_case: str
    state: AlertState
    by: str
    reason: str
    at: datetime


def acknowledge_alert(target: Ledger | Connection, alert_id: str, by: str, reason: str) -> AlertEvent:
    """Say that somebody looks after an alert; saying the same again adds nothing.

    Raises UsageError for one that is unknown or closed.
    """
    return _append(target, alert_id, "acknowledged", by, reason)


def close_alert(target: Ledger | Connection, alert_id: str, by: str, reason: str) -> AlertEvent:
    """Say that what an alert told of is over. Raises UsageError for one that is unknown or closed."""
    return _append(target, alert_id, "closed", by, reason)


def alert_states(source: Ledger | Connection, use_case: str) -> dict[str, AlertState]:
    """The last state of each alert of a use case that has one, by alert id."""
    return {alert_id: events[-1].state for alert_id, events in _events_of(source, use_case).items()}


def _events_of(source: Ledger | Connection, use_case: str) -> dict[str, list[AlertEvent]]:
    table = alert_event.c
    grouped: dict[str, list[AlertEvent]] = defaultdict(list)
    for one in facts.every(source, AlertEvent, alert_event, table.use_case == use_case, order_by=[table.seq]):
        grouped[one.alert_id].append(one)
    return grouped


def _append(target: Ledger | Connection, alert_id: str, state: AlertState, by: str, reason: str) -> AlertEvent:
    with facts.writing(target) as connection:
        found = _meant(connection, alert_id)
        alert_id = found.alert_id
        seq = facts.next_seq(connection, alert_event, alert_event.c.alert_id == alert_id)
        table = alert_event.c
        where = table.alert_id == alert_id
        before = facts.every(connection, AlertEvent, alert_event, where, order_by=[table.seq])
        last = before[-1] if before else None
        if last is not None and (last.state, last.by, last.reason) == (state, by, reason):
            return last
        if last is not None and last.state == "closed":
            raise UsageError(f"the alert {alert_id} was closed by {last.by} on {last.at:%Y-%m-%d} ({last.reason}).")
        new = AlertEvent(alert_id, seq, found.use_case, state, by, reason, utc_now())
        facts.add(connection, alert_event, [new])
        return new


def _meant(connection: Connection, beginning: str) -> Alert:
    """The alert of that id, or the only one whose id begins so."""
    begins = alert.c.alert_id.startswith(beginning, autoescape=True)
    found = facts.every(connection, Alert, alert, begins, order_by=[alert.c.alert_id]) if beginning else ()
    if len(found) == 1 or (found and found[0].alert_id == beginning):
        return found[0]
    many = f"are {len(found)} alerts that begin with" if found else "is no alert"
    raise UsageError(f"there {many} {beginning!r}. `decisionloop alerts list USE_CASE` names them all.")
