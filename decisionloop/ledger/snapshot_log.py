"""Which snapshots there are. Their bytes are in `decisionloop.snapshots`, found by the same digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from decisionloop.ledger.schema import snapshot, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

Kind = Literal["features", "scores", "training_set", "scorer", "outcomes"]


@dataclass(frozen=True)
class Snapshot:
    """A file of the snapshot store; ``digest`` is the sha256 of its bytes, ``rows`` is 0 where it is no table."""

    digest: str
    kind: Kind
    uri: str
    rows: int
    bytes: int
    recorded_at: datetime = field(default_factory=utc_now)


def record_snapshot(target: Ledger | Connection, kept: Snapshot) -> bool:
    """Keep where a snapshot lies; returns whether its digest is new."""
    return facts.add(target, snapshot, [kept]) == 1


def find_snapshot(source: Ledger | Connection, digest: str) -> Snapshot | None:
    """The snapshot of a digest, or None."""
    return facts.one(source, Snapshot, snapshot, snapshot.c.digest == digest)
