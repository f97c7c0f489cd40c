"""Who was decided one at a time while a batch was prepared and decided: their answers stand, and the batch's do not.

To refuse the batch would not help, where somebody asks all the time: it would be refused again.
"""

from __future__ import annotations

import pandas as pd

from decisionloop.ledger.batches import events
from decisionloop.ledger.due_occurrences import DecidedSpan, decided_at, entities_of, span_of
from decisionloop.ledger.held_actions import withdrawn_ids
from decisionloop.ledger.stream import is_decided_online, sealed_batches
from decisionloop.ledger.withdrawing import withdraw_of
from decisionloop.predict.due import Span
from tasks.predict.answered import answered_one_at_a_time
from tasks.predict.due import detail_of_due, entities_due, spans_decided, undecided_of
from tasks.readback.batch_in_hand import BatchInHand


def withdraw_answered(hand: BatchInHand) -> int:
    """Withdraw what was logged, in whatever attempt, of those who were answered since the batch was opened.

    Returns how many are withdrawn by now. Nothing of the batch has left: it is not said to be decided yet. What is
    withdrawn never leaves and teaches nothing.
    """
    workspace, ledger, batch_id = hand.workspace, hand.ledger, hand.batch_id
    if not is_decided_online(ledger, hand.use_case.name):
        return 0
    span = span_of(hand.as_of, hand.use_case.schedule.covers_days, detail_of_due(workspace, hand.batch))
    waiting = answered_one_at_a_time(workspace, span)  # first: what is sealed meanwhile is in both
    sealed = _sealed_since_opened(hand, span)
    if waiting or sealed:
        logged = _logged(hand)
        left = undecided_of(workspace, logged, span, sealed, waiting).left
        withdraw_of(ledger, batch_id, logged[~logged.isin(left)].tolist())
    return len(withdrawn_ids(ledger, batch_id))


def _sealed_since_opened(hand: BatchInHand, span: Span) -> list[DecidedSpan]:
    """The batches of the stream that were not decided yet when a batch was first opened."""
    streams, opened = sealed_batches(hand.ledger, hand.use_case.name), events(hand.ledger, hand.batch_id)[0].at
    overlapping = [
        one
        for one in spans_decided(hand.workspace, hand.batch_id, span.after)
        if one.batch.batch_id in streams and one.span.overlaps(span)
    ]
    moments = [decided_at(hand.ledger, one.batch.batch_id) for one in overlapping]
    return [one for one, at in zip(overlapping, moments, strict=True) if at is None or at > opened]


def _logged(hand: BatchInHand) -> pd.Series:
    """Ids of everybody whom a batch has logged: of a first attempt who is due in it, which is read sooner."""
    if hand.batch.attempt == 1:
        return entities_due(hand.workspace, hand.batch_id)
    return pd.Series(entities_of(hand.ledger, hand.batch_id), dtype="str")
