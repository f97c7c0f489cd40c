"""What monitors compare with: the profile of what a release learnt from, and calibrated limits with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select

from decisionloop.ledger.schema import monitor_reference, monitor_threshold, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class MonitorReference:
    """A profile, as JSON in ``content``, that monitors of a kind compare with while a release decides."""

    reference_id: str
    use_case: str
    release_id: str
    kind: str
    content: str
    as_of: datetime
    at: datetime


@dataclass(frozen=True)
class MonitorThreshold:
    """The limit of one check and the evidence for it, JSON; ``release_id`` None where it holds under every release."""

    use_case: str
    monitor: str
    slice: str
    release_id: str | None
    threshold: float
    evidence: str
    as_of: datetime
    alpha: float | None = None
    at: datetime = field(default_factory=utc_now)
    threshold_id: str = ""

    def __post_init__(self) -> None:
        content = (self.use_case, self.monitor, self.slice, self.release_id, self.as_of)
        facts.name_by_content(self, "threshold_id", *content)


def keep_reference(
    target: Ledger | Connection,
    use_case: str,
    release_id: str,
    content: str,
    as_of: datetime,
    kind: str = "inputs",
) -> str:
    """Keep a reference and return its id; the same content for the same release is the same fact."""
    reference_id = facts.fact_id(use_case, release_id, kind, content)
    new = MonitorReference(reference_id, use_case, release_id, kind, content, as_of, utc_now())
    facts.add(target, monitor_reference, [new])
    return reference_id


def reference_of(
    source: Ledger | Connection, use_case: str, release_id: str, kind: str = "inputs"
) -> MonitorReference | None:
    """The latest reference (by as-of) of a release, or None where none was kept."""
    table = monitor_reference.c
    where = (table.use_case == use_case, table.release_id == release_id, table.kind == kind)
    statement = select(*facts.columns_of(MonitorReference, monitor_reference)).where(*where)
    found = facts.as_facts(source, MonitorReference, statement.order_by(table.as_of.desc(), table.at.desc()).limit(1))
    return found[0] if found else None


def append_thresholds(target: Ledger | Connection, thresholds: Sequence[MonitorThreshold]) -> int:
    """Append limits; the first one of a check, release and as-of stays. Returns how many were new."""
    return facts.add(target, monitor_threshold, thresholds)


def thresholds_of(
    source: Ledger | Connection, use_case: str, release_id: str | None = None
) -> dict[tuple[str, str], MonitorThreshold]:
    """The latest limit of each (monitor, slice); a release's own goes before one that holds under every release."""
    table = monitor_threshold.c
    is_meant: ColumnElement[bool] = table.release_id.is_(None)
    if release_id is not None:
        is_meant = or_(is_meant, table.release_id == release_id)
    found = facts.every(source, MonitorThreshold, monitor_threshold, table.use_case == use_case, is_meant)
    ordered = sorted(found, key=lambda one: (one.release_id is not None, one.as_of, one.at))
    return {(one.monitor, one.slice): one for one in ordered}
