"""From the outbox to the actuator, chunk by chunk, each delivery logged before the next is sent.

What rules chose leaves first, in chunks of its own: so what the kill switch holds is whole chunks, which are the same
chunks to the receiver when they leave in the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from decisionloop.dispatch.messages import Actuator, OutgoingAction, Receipt, failed, pending_chunks
from decisionloop.errors import DeliveryError, DeliveryRefused
from decisionloop.ledger.alerts import DELIVERY, NewAlert
from decisionloop.ledger.held_actions import CHOSEN_BY_MODEL, is_default_for_all
from decisionloop.ledger.outbox import Delivery, append_deliveries, attempts_of_batch, messages_of_batch
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.sendings import end_sending
from decisionloop.workspace import Workspace
from tasks.act.held_by_kill_switch import ChosenBy, begin_unless_held
from tasks.act.left_before import remember_sending
from tasks.readback.batch_in_hand import BatchInHand
from tasks.tell.announcements import announce
from tasks.tell.queueing import raise_alert

REFUSALS_IN_A_ROW = 3
"""A receiver that refused so many chunks, one after the other, refuses all: the rest waits for the next run."""
Part = tuple[OutgoingAction, ...]


@dataclass(frozen=True)
class Chunk:
    """Actions that leave together: ``number`` within the batch, and whose choice they are."""

    number: int
    actions: Part
    chosen_by: ChosenBy


def send_pending(hand: BatchInHand, actuator: Actuator) -> int:
    """Send every chunk with an undelivered action, unless it is held; returns how many actions were acknowledged.

    What the receiver refuses does not hold up the other chunks, unless it refuses one after the other. Raises
    DeliveryError, after logging every failed attempt and alerting: at once when it does not acknowledge a chunk, and at
    the end when it refused anything.
    """
    workspace, batch_id = hand.workspace, hand.batch_id
    attempts = attempts_of_batch(workspace.ledger, batch_id)
    delivered = set(attempts.loc[attempts["status"] == "delivered", "decision_id"])
    tried = {str(decision): int(last) for decision, last in attempts.groupby("decision_id")["attempt"].max().items()}
    sent, in_a_row = 0, 0
    first: DeliveryRefused | None = None
    for chunk in _pending(hand, delivered):
        begun = begin_unless_held(workspace, batch_id, chunk.number, chunk.actions, actuator, chunk.chosen_by)
        if begun is None:
            continue
        remember_sending(workspace, begun.sending_id)
        new = [action for action in begun.actions if action.decision_id not in delivered]
        try:
            receipts = actuator.send(begun.actions, batch_id, chunk.number)
        except DeliveryError as error:
            _log(workspace, tried, failed(new, error), begun.sending_id)
            _alert(workspace, batch_id, chunk.number, error)
            first, in_a_row = first or (error if isinstance(error, DeliveryRefused) else None), in_a_row + 1
            if not isinstance(error, DeliveryRefused) or in_a_row == REFUSALS_IN_A_ROW:
                raise
            continue
        except Exception:
            _log(workspace, tried, (), begun.sending_id)  # whatever it was, it is not under way any more
            raise
        told = [receipt for receipt in receipts if receipt.decision_id not in delivered]
        _log(workspace, tried, told, begun.sending_id)
        sent, in_a_row = sent + sum(receipt.status == "delivered" for receipt in told), 0
        if refused := [receipt for receipt in told if receipt.status == "failed"]:
            refusal = _refusal(batch_id, chunk.number, refused)
            _alert(workspace, batch_id, chunk.number, refusal)
            first = first or refusal
    if first is not None:
        raise first
    return sent


def _refusal(batch_id: str, chunk: int, refused: Sequence[Receipt]) -> DeliveryRefused:
    """What is told of actions that the receiver does not take while it takes the others of their chunk."""
    one = refused[0]
    return DeliveryRefused(
        f"batch {batch_id}, chunk {chunk}: {len(refused)} actions were not taken, the first of which is decision "
        f"{one.decision_id} ({one.detail.rstrip('.')}). Mend what the receiver objects to, then run the batch again; "
        "they stay in the outbox."
    )


def _pending(hand: BatchInHand, delivered: Collection[str]) -> Iterator[Chunk]:
    """The numbered chunks with an undelivered action, one at a time: a large batch's actions need not all exist."""
    rows = hand.use_case.actuator.chunk_rows
    queued = messages_of_batch(hand.ledger, hand.batch_id)  # by decision id, as chunks are cut
    is_chosen_by_model = queued["role"].isin(CHOSEN_BY_MODEL)
    rules_or_nobody: ChosenBy = "nobody" if is_default_for_all(hand.ledger, hand.batch_id) else "rules"
    numbers = itertools.count()
    for is_model in (False, True):
        mine, chosen_by = queued[is_chosen_by_model == is_model], "model" if is_model else rules_or_nobody
        for start in range(0, len(mine), rows):
            number, actions = next(numbers), _actions(hand.use_case.name, mine.iloc[start : start + rows], hand.as_of)
            for _, part in pending_chunks(actions, delivered, rows):
                yield Chunk(number, part, chosen_by)


def _actions(use_case: str, rows: pd.DataFrame, as_of: datetime) -> list[OutgoingAction]:
    columns = zip(rows["decision_id"], rows["entity_id"], rows["action"], rows["payload"], strict=True)
    return [
        OutgoingAction(decision_id, use_case, entity_id, as_of, action, payload)
        for decision_id, entity_id, action, payload in columns
    ]


def _log(workspace: Workspace, tried: Mapping[str, int], receipts: Sequence[Receipt], sending_id: str) -> None:
    """Log how an attempt ended, and that nothing of it is under way any more, in one transaction."""
    now = utc_now()
    attempts = [Delivery(r.decision_id, tried.get(r.decision_id, 0) + 1, r.status, r.detail, now) for r in receipts]
    with workspace.ledger.begin() as connection:
        append_deliveries(connection, attempts)
        is_delivered = bool(receipts) and all(receipt.status == "delivered" for receipt in receipts)
        end_sending(connection, sending_id, "delivered" if is_delivered else "failed")


def _alert(workspace: Workspace, batch_id: str, chunk: int, error: DeliveryError) -> None:
    new = NewAlert(
        severity="critical",
        kind=DELIVERY,
        message=str(error),
        remedy="Repair the receiver and run the batch again; undelivered actions wait in the outbox.",
        batch_id=batch_id,
        occasion=str(chunk),
    )
    raise_alert(workspace, new)
    announce("delivery.failed", workspace.use_case.name, batch_id, {"chunk": chunk, "error": str(error)})
