"""What a person must know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from decisionloop.contract.monitoring import AlarmSeverity
from decisionloop.ledger.schema import alert, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.masking import masked
from decisionloop.monitor.alarm.runbook import AlertKind, runbook_of_alert

DELIVERY: Final = "delivery"
"""The kind of an alert about actions that a receiver did not take."""
FAILED_RUN: Final = "failed_run"


@dataclass(frozen=True)
class NewAlert:
    """What people are to be told: what happened, and the remedy.

    The same of the same use case and batch is told once. What is of no batch and may come back needs an ``occasion``,
    for instance its as-of, to tell the times apart.
    """

    severity: AlarmSeverity
    kind: AlertKind
    message: str
    remedy: str
    batch_id: str | None = None
    occasion: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", masked(self.message))
        object.__setattr__(self, "remedy", masked(self.remedy))


@dataclass(frozen=True)
class Alert:
    """Something that happened, and the remedy."""

    alert_id: str
    use_case: str
    batch_id: str | None
    severity: str
    kind: str
    message: str
    remedy: str
    at: datetime

    @property
    def runbook(self) -> str:
        """Its page of the runbook, by path in the project."""
        return runbook_of_alert(self.kind)


def append_alert(target: Ledger | Connection, use_case: str, new: NewAlert, at: datetime | None = None) -> bool:
    """Raise an alert; False where the same one (use case, batch, kind, message, occasion) was raised before."""
    alert_id = facts.fact_id(use_case, new.batch_id, new.kind, new.message, new.occasion)
    words = (new.severity, new.kind, new.message, new.remedy)
    return facts.add(target, alert, [Alert(alert_id, use_case, new.batch_id, *words, at or utc_now())]) == 1


def alerts(source: Ledger | Connection, use_case: str, batch_id: str | None = None) -> tuple[Alert, ...]:
    """The alerts of a use case (of one batch), oldest first."""
    table = alert.c
    where = [table.use_case == use_case]
    if batch_id is not None:
        where.append(table.batch_id == batch_id)
    return facts.every(source, Alert, alert, *where, order_by=[table.at, table.alert_id])
