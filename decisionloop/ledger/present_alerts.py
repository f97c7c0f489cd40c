"""Alerts about what is not over: what a person must still know."""

from __future__ import annotations

from itertools import islice

from decisionloop.ledger.alert_events import alert_states
from decisionloop.ledger.alerts import FAILED_RUN, Alert, alerts
from decisionloop.ledger.batches import DECIDED_STATES, batches, events
from decisionloop.ledger.drills import KIND as DRILL
from decisionloop.ledger.drills import drills
from decisionloop.ledger.missed_due import MISSED
from decisionloop.ledger.restore_drills import KIND as RESTORE_DRILL
from decisionloop.ledger.restore_drills import restore_drills
from decisionloop.ledger.storage.engine import Ledger

LOOKED_AT = 200
"""So many of the last alerts about what is not over are looked at for one that nobody has answered."""


def present_alerts(ledger: Ledger, use_case: str, most: int) -> tuple[Alert, ...]:
    """The last alerts of a use case about what is not over, ``most`` of them at most, oldest first."""
    closed = {alert_id for alert_id, state in alert_states(ledger, use_case).items() if state == "closed"}
    told = (one for one in reversed(alerts(ledger, use_case)) if one.alert_id not in closed)
    return tuple(reversed(tuple(islice((one for one in told if not _is_past(ledger, one)), most))))


def unanswered(ledger: Ledger, use_case: str) -> tuple[Alert, ...]:
    """The critical alerts about what is not over that nobody has acknowledged, oldest first."""
    answered = alert_states(ledger, use_case)
    critical = (one for one in present_alerts(ledger, use_case, LOOKED_AT) if one.severity == "critical")
    return tuple(one for one in critical if one.alert_id not in answered)


def _is_past(ledger: Ledger, alert: Alert) -> bool:
    """Whether what an alert told of is over: people who are missed have lines of their own, for as long as they are.

    What was told of a batch is over once it was begun anew and decided, a failed run once a later one decided, and what
    was told of a drill once a later one of its kind has worked.
    """
    if alert.kind == MISSED:
        return True
    if alert.kind == FAILED_RUN:
        return any(one.is_decided and one.state_at > alert.at for one in batches(ledger, alert.use_case))
    if alert.kind == DRILL:
        return any(not one.failure and one.at > alert.at for one in drills(ledger, alert.use_case))
    if alert.kind == RESTORE_DRILL:
        return any(not one.failure and one.at > alert.at for one in restore_drills(ledger, alert.use_case))
    told = events(ledger, alert.batch_id) if alert.batch_id else ()
    begun = [event.at for event in told if event.state == "opened"]
    return bool(begun) and told[-1].state in DECIDED_STATES and alert.at < begun[-1]
