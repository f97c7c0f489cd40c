"""In which trace something was queued, so that what is done with it later belongs to the same one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from decisionloop.ledger.schema import trace_context, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.telemetry import traces


@dataclass(frozen=True)
class TraceContext:
    """The W3C traceparent of the span in which ``subject`` was queued: a batch, or a delivery of a webhook."""

    subject: str
    traceparent: str
    at: datetime


def keep_trace(target: Ledger | Connection, subject: str) -> bool:
    """Keep the present trace of a subject; False outside of any, or where it has one already."""
    found = traces.here()
    return bool(found) and facts.add(target, trace_context, [TraceContext(subject, found, utc_now())]) == 1


def trace_of(source: Ledger | Connection, subject: str) -> str:
    """The traceparent that was kept of a subject, "" where there is none; nothing is read while traces are off."""
    if not traces.is_on():
        return ""
    kept = facts.one(source, TraceContext, trace_context, trace_context.c.subject == subject)
    return "" if kept is None else kept.traceparent


def of_webhook(sender: str, delivery_id: str) -> str:
    """The subject that is a delivery of a webhook."""
    return f"webhook/{sender}/{delivery_id}"


def of_batch(batch_id: str) -> str:
    """The subject that is a batch whose actions are queued."""
    return f"batch/{batch_id}"
