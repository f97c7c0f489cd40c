"""Freezing what has been seen so far with the batch that it prices: a run that is repeated uses the very same."""

from __future__ import annotations

from decisionloop.act.exploration.seen_money import NOTHING_SEEN, SeenMoney
from decisionloop.ledger.batch_parts import find_part
from tasks.keep import keep_part
from tasks.readback.batch_in_hand import BatchInHand
from tasks.readback.seen_cohorts import seen_cohorts
from tasks.readback.seen_money import seen_money_of, table_of


def freeze_seen_money(hand: BatchInHand) -> SeenMoney:
    """What outcomes have shown by now, read back once for the batch; what was frozen before stands."""
    if not hand.use_case.is_explored:
        return NOTHING_SEEN
    workspace, batch_id = hand.workspace, hand.batch_id
    if find_part(hand.ledger, batch_id, "seen_money", 0) is None:
        keep_part(workspace, batch_id, "seen_money", 0, table_of(seen_cohorts(workspace, hand.as_of)))
    return seen_money_of(workspace, batch_id)
