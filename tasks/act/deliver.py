"""From the outbox to the actuator, chunk by chunk, each delivery logged before the next is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

import pandas as pd

from decisionloop.dispatch.messages import Actuator, Message, Receipt, failed, pending_chunks
from decisionloop.errors import DeliveryError
from decisionloop.ledger.outbox import Delivery, append_deliveries, attempts_of_batch, messages_of_batch
from decisionloop.ledger.schema import utc_now
from decisionloop.workspace import Workspace
from tasks.readback.batch_in_hand import BatchInHand
from tasks.tell.announcements import announce
from tasks.tell.notices import raise_alert

Part = tuple[Message, ...]


def send_pending(hand: BatchInHand, actuator: Actuator) -> int:
    """Send every chunk with an undelivered message; returns how many messages were acknowledged.

    Raises DeliveryError, after logging the failed attempt and alerting, when a chunk is not acknowledged.
    """
    workspace, batch_id = hand.workspace, hand.batch_id
    attempts = attempts_of_batch(workspace.ledger, batch_id)
    delivered = set(attempts.loc[attempts["status"] == "delivered", "decision_id"])
    tried = attempts.groupby("decision_id")["attempt"].max()
    sent = 0
    for chunk, part in _pending(hand, delivered):
        new = [message for message in part if message.decision_id not in delivered]
        try:
            receipts = actuator.send(part, batch_id, chunk)
        except DeliveryError as error:
            _log(workspace, tried, failed(new, error))
            _alert(workspace, batch_id, chunk, error)
            raise
        acknowledged = [receipt for receipt in receipts if receipt.decision_id not in delivered]
        _log(workspace, tried, acknowledged)
        sent += len(acknowledged)
    return sent


def _pending(hand: BatchInHand, delivered: Collection[str]) -> Iterator[tuple[int, Part]]:
    """The numbered chunks with an undelivered message, one at a time: a large batch's messages need not all exist."""
    rows = hand.use_case.actuator.chunk_rows
    queued = messages_of_batch(hand.ledger, hand.batch_id)  # by decision id, as chunks are cut
    for number, start in enumerate(range(0, len(queued), rows)):
        messages = _messages(hand.use_case.name, queued.iloc[start : start + rows], hand.as_of)
        for _, part in pending_chunks(messages, delivered, rows):
            yield number, part


def _messages(use_case: str, rows: pd.DataFrame, as_of: datetime) -> list[Message]:
    columns = zip(rows["decision_id"], rows["entity_id"], rows["action"], rows["payload"], strict=True)
    return [
        Message(decision_id, use_case, entity_id, as_of, action, payload)
        for decision_id, entity_id, action, payload in columns
    ]


def _log(workspace: Workspace, tried: pd.Series, receipts: Sequence[Receipt]) -> None:
    now = utc_now()
    append_deliveries(
        workspace.ledger,
        [Delivery(r.decision_id, int(tried.get(r.decision_id, 0)) + 1, r.status, r.detail, now) for r in receipts],
    )


def _alert(workspace: Workspace, batch_id: str, chunk: int, error: DeliveryError) -> None:
    raise_alert(
        workspace,
        severity="critical",
        kind="delivery",
        message=str(error),
        remedy="Repair the receiver and run the batch again; undelivered actions wait in the outbox.",
        batch_id=batch_id,
        occasion=str(chunk),
    )
    announce("delivery.failed", workspace.use_case.name, batch_id, {"chunk": chunk, "error": str(error)})
