"""What leaves the house: messages, receipts, and how a batch is cut into chunks that never change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from decisionloop.errors import UsageError


@dataclass(frozen=True)
class OutgoingAction:
    """One action to be carried out. ``payload`` is the JSON text of an object, as the outbox holds it."""

    decision_id: str
    use_case: str
    entity_id: str
    as_of: datetime
    action: str
    payload: str = "{}"

    def to_json(self) -> str:
        """Canonical JSON. Raises UsageError when the time has no zone or the payload is no JSON object."""
        if self.as_of.tzinfo is None:
            raise UsageError(f"decision {self.decision_id}: as-of {self.as_of} has no time zone. Give it in UTC.")
        try:
            payload = json.loads(self.payload, parse_constant=_refuse_constant)
        except ValueError as error:
            raise UsageError(f"decision {self.decision_id}: its payload is not JSON ({error}). Repair it.") from error
        if not isinstance(payload, dict):
            raise UsageError(f"decision {self.decision_id}: its payload is no JSON object. Give it keys.")
        content = {
            "decision_id": self.decision_id,
            "use_case": self.use_case,
            "entity_id": self.entity_id,
            "as_of": self.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "action": self.action,
            "payload": payload,
        }
        return json.dumps(content, separators=(",", ":"))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


@dataclass(frozen=True)
class Receipt:
    """What became of sending one message; ``detail`` says where it went, or what went wrong."""

    decision_id: str
    status: Literal["delivered", "failed"]
    detail: str


class Actuator(Protocol):
    """A way out for actions: at least once, with everything that a receiver needs to drop repeats."""

    @property
    def longest_seconds(self) -> float:
        """How long sending one chunk takes at most; after that its sender counts as dead."""
        ...

    def send(self, messages: Sequence[OutgoingAction], batch_id: str, chunk: int) -> tuple[Receipt, ...]:
        """Send one chunk and return a receipt for each message: delivered, or failed where the receiver refuses it.

        Raises DeliveryError when the receiver did not acknowledge the chunk; then nothing counts as delivered. It is a
        DeliveryRefused where the receiver is there, and may take another chunk.
        """
        ...


def pending_chunks(
    messages: Sequence[OutgoingAction], delivered: Collection[str], rows: int
) -> Iterator[tuple[int, tuple[OutgoingAction, ...]]]:
    """Cut a batch into numbered chunks of ``rows`` messages and yield those with one that is not delivered.

    ``messages`` is the whole outbox of a batch and ``delivered`` the decision ids already acknowledged. A chunk's
    content depends on the batch alone, so a chunk sent again after a crash is the same chunk to the receiver.
    """
    ordered = sorted(messages, key=lambda message: message.decision_id)
    done = frozenset(delivered)
    for chunk, start in enumerate(range(0, len(ordered), rows)):
        part = tuple(ordered[start : start + rows])
        if any(message.decision_id not in done for message in part):
            yield chunk, part


def chunk_digest(texts: Sequence[str]) -> str:
    """sha256 of a chunk's canonical messages: its idempotency key."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def delivered(messages: Sequence[OutgoingAction], detail: str) -> tuple[Receipt, ...]:
    """A receipt of delivery for every message."""
    return tuple(Receipt(message.decision_id, "delivered", detail) for message in messages)


def failed(messages: Sequence[OutgoingAction], error: Exception) -> tuple[Receipt, ...]:
    """A receipt of failure for every message, for the log of deliveries."""
    return tuple(Receipt(message.decision_id, "failed", str(error)) for message in messages)
