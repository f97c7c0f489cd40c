"""Who was decided one at a time while a batch was prepared and decided: their answers stand, and the batch's do not.

To refuse the batch would not help, where somebody asks all the time: it would be refused again.
"""

from __future__ import annotations

from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.due_occurrences import span_of
from decisionloop.ledger.stream import is_decided_online
from decisionloop.ledger.withdrawing import withdraw_of
from tasks.predict.answered import answered_one_at_a_time
from tasks.predict.due import detail_of_due, entities_due, undecided_of
from tasks.readback.batch_in_hand import BatchInHand


def withdraw_answered(hand: BatchInHand) -> int:
    """Withdraw what was logged of those who were answered since the batch was cut; returns how many they are.

    Nothing of the batch has left: it is not said to be decided yet. What is withdrawn never leaves and teaches nothing.
    """
    workspace, batch_id = hand.workspace, hand.batch_id
    parts = parts_of(hand.ledger, batch_id, "due")
    if not parts or not is_decided_online(hand.ledger, hand.use_case.name):
        return 0
    span = span_of(hand.as_of, hand.use_case.schedule.covers_days, detail_of_due(workspace, hand.batch))
    answered = answered_one_at_a_time(workspace, span, parts[0].at)
    if not answered:
        return 0
    due = entities_due(workspace, batch_id)
    due = due[due.isin(answered[0].entities)]
    left = undecided_of(workspace, due, span, (), answered).left
    return withdraw_of(hand.ledger, batch_id, due[~due.isin(left)].tolist())
