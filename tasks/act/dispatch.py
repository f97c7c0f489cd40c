"""The step that lets a decided batch out, and completes it."""

from __future__ import annotations

from decisionloop.dispatch.opening import open_actuator
from decisionloop.ledger.stage_costs import ledger_bytes
from decisionloop.metering import Meter
from tasks.act.deliver import send_pending
from tasks.keep import reached, scope_of
from tasks.readback.batch_in_hand import open_batch_in_hand
from tasks.step import step
from tasks.tell.announcements import announce, publish
from tasks.tell.batch_page import batch_markdown


@step
def dispatch_batch(use_case: str, batch_id: str) -> int:
    """Send what the outbox holds of this batch, log each delivery, complete the batch; returns how many went.

    Raises DeliveryError when the receiver does not acknowledge; what was not delivered stays in the outbox.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    if hand.batch.state == "complete":
        return 0
    settings = hand.workspace.settings
    actuator = open_actuator(hand.use_case, settings.home, settings.delivery_timeout_seconds)
    with Meter("dispatch", None, scope_of(hand.workspace)) as meter:
        before = ledger_bytes(hand.ledger)
        sent = send_pending(hand, actuator)
        meter.add(sent, max(0, ledger_bytes(hand.ledger) - before))
    reached(hand, "complete", {"sent": sent}, [meter.cost])
    announce("batch.completed", use_case, batch_id, {"sent": sent})
    publish(f"batch-{batch_id}", batch_markdown(hand.workspace, batch_id))
    return sent
