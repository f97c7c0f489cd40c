"""The steps that let a decided batch out, and complete it."""

from __future__ import annotations

from decisionloop.dispatch.opening import open_actuator
from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.held_actions import count_held
from decisionloop.ledger.stage_costs import ledger_bytes
from decisionloop.ledger.trace_contexts import of_batch, trace_of
from decisionloop.metering import Meter
from decisionloop.telemetry import traces
from decisionloop.workspace import open_workspace
from tasks.act.deliver import send_pending
from tasks.act.held_by_kill_switch import is_released, released_batches
from tasks.act.left_before import hold_what_may_have_left
from tasks.keep import reached, scope_of
from tasks.readback.batch_in_hand import BatchInHand, open_batch_in_hand
from tasks.step import step
from tasks.tell.announcements import announce, publish
from tasks.tell.batch_page import batch_markdown


@step
def dispatch_batch(use_case: str, batch_id: str) -> int:
    """Send what the outbox holds of this batch, log each delivery, complete the batch; returns how many went.

    What the kill switch holds stays behind, and the batch is complete without it: once a person has released it, the
    next dispatch sends it. Raises DeliveryError when the receiver does not acknowledge; what was not delivered stays in
    the outbox.
    """
    hand = open_batch_in_hand(use_case, batch_id)
    is_to_leave = hand.batch.state == "decided" or (
        hand.batch.state == "complete" and is_released(hand.workspace, batch_id)
    )
    return _dispatch(hand) if is_to_leave else 0


@step
def dispatch_released(use_case: str) -> int:
    """Send what a person released of earlier batches; returns how many actions went. Raises what dispatching raises."""
    waiting = released_batches(open_workspace(use_case))
    return sum(_dispatch(open_batch_in_hand(use_case, batch_id)) for batch_id in waiting)


def _dispatch(hand: BatchInHand) -> int:
    workspace, settings, batch_id = hand.workspace, hand.workspace.settings, hand.batch_id
    hold_what_may_have_left(workspace)
    authorization = settings.authorization(hand.use_case.name)
    actuator = open_actuator(hand.use_case, settings.home, settings.delivery_timeout_seconds, authorization)
    queued_in = trace_of(hand.ledger, of_batch(batch_id))
    with Meter("dispatch", None, scope_of(workspace)) as meter:
        before = ledger_bytes(hand.ledger)
        with traces.span("deliver", queued_in=queued_in, batch=batch_id):
            sent = send_pending(hand, actuator)
        meter.add(sent, max(0, ledger_bytes(hand.ledger) - before))
    became: dict[str, Scalar] = {"sent": sent, "held": count_held(hand.ledger, batch_id)}
    reached(hand, "complete", became, [meter.cost])
    announce("batch.completed", hand.use_case.name, batch_id, became)
    told = f"What was decided in {batch_id}, by whom, and what left."
    publish(f"batch-{batch_id}", batch_markdown(workspace, batch_id), told)
    return sent
