"""Freezing what has been seen so far with the batch that it prices: a run that is repeated uses the very same."""

from __future__ import annotations

from decisionloop.act.exploration.seen_cohorts import table_of
from decisionloop.act.exploration.seen_money import NOTHING_SEEN, SeenMoney
from decisionloop.act.situation import BY_PEOPLE
from decisionloop.ledger.batch_parts import find_part
from decisionloop.ledger.going_on import Found
from tasks.keep import keep_part
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.seen_cohorts import seen_so_far
from tasks.readback.seen_money import seen_money_of
from tasks.tell.halting import Stop, warn_while_it_goes_on

_REMEDY = "Restore the files of the snapshot store from its backup."


def freeze_seen_money(hand: BatchInHand, rules_because: str) -> SeenMoney:
    """What outcomes have shown by now, read back once for the batch; what was frozen before stands.

    Under the kill switch nothing explores, and nothing need be known. People are told of cohorts that cannot be read:
    they are not seen, and the batch goes on.
    """
    if rules_because in BY_PEOPLE or not hand.use_case.is_explored:
        return NOTHING_SEEN
    workspace, batch_id = hand.workspace, hand.batch_id
    if find_part(hand.ledger, batch_id, "seen_money", 0) is None:
        seen = seen_so_far(workspace, hand.as_of)
        if seen.unreadable:
            reasons = [f"what an earlier batch has shown cannot be read: {one}" for one in seen.unreadable]
            found = [Found(one) for one in seen.unreadable]
            stop = Stop("exploration", "lost outcomes of earlier batches", reasons, [_REMEDY], found)
            warn_while_it_goes_on(hand, stop, "warning", "Exploring is priced without them.")
        keep_part(workspace, batch_id, "seen_money", 0, table_of(seen.cohorts))
    return seen_money_of(workspace, batch_id)
