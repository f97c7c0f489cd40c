"""Audits of releases that are scored beside the champion: one a release and batch, each compared with those before.

They are kept among what monitors compare with: a record of one release, as JSON, of which the latest holds.
"""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from decisionloop.ledger.monitor_references import MonitorReference
from decisionloop.ledger.schema import monitor_reference, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.monitor.shadow.record import ShadowAudit

KIND = "shadow_audit"


def keep_audit(target: Ledger | Connection, use_case: str, audit: ShadowAudit) -> bool:
    """Keep an audit; False where the release was audited on this batch before: the first one stands."""
    audit_id = facts.fact_id(KIND, use_case, audit.release_id, audit.batch_id)
    content = facts.canonical_json(audit)
    new = MonitorReference(audit_id, use_case, audit.release_id, KIND, content, audit.as_of, utc_now())
    return facts.add(target, monitor_reference, [new]) == 1


def shadow_audits(source: Ledger | Connection, release_id: str) -> tuple[ShadowAudit, ...]:
    """The audits of a release, in the order of their batches."""
    table = monitor_reference.c
    statement = select(*facts.columns_of(MonitorReference, monitor_reference)).where(
        table.release_id == release_id, table.kind == KIND
    )
    kept = facts.as_facts(source, MonitorReference, statement.order_by(table.as_of, table.at))
    return tuple(_written().validate_json(one.content) for one in kept)


def last_audit(source: Ledger | Connection, release_id: str) -> ShadowAudit | None:
    """The newest audit of a release; None before the first."""
    found = shadow_audits(source, release_id)
    return found[-1] if found else None


@cache
def _written() -> TypeAdapter[ShadowAudit]:
    return TypeAdapter(ShadowAudit)
