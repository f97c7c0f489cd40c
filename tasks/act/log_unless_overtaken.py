"""What was chosen is logged only while it holds: the kill switch may go on, the model be rolled back, or another batch
decide the same people.

All may happen between the choice and the log, so all are asked for in the transaction that logs.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from decisionloop.ledger.decisions import has_decisions
from decisionloop.ledger.due_occurrences import begun_beside
from decisionloop.ledger.flags import Position, switch_of
from decisionloop.ledger.releases import is_rolled_back
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.stream import sealed_batches
from decisionloop.ledger.switch_lock import steady_switch
from tasks.act.signature import Signature
from tasks.predict.due import decided_in_others
from tasks.readback.batch_in_hand import BatchInHand


def append_unless_overtaken(hand: BatchInHand, signature: Signature, append: Callable[[Connection], object]) -> bool:
    """Append decisions in one transaction, during which nobody turns the switch nor rolls back a release.

    Returns False, and appends nothing, where a model chose and the switch, of whatever scope, stops it or the model was
    rolled back, and where anybody chose and the switch gives everybody the default action. What another system did is
    logged whatever is switched. Raises UsageError, and appends nothing, where the batch has logged nothing yet and
    another one has begun to decide in its span meanwhile.
    """
    name = hand.use_case.name
    with steady_switch(hand.ledger, name) as connection:
        deciders = [signature.champion] if signature.trial is None else [signature.champion, signature.trial]
        switch = switch_of(connection, name)
        is_stopped = any(_is_stopped(signature, switch.position_for(one)) for one in deciders)
        if is_stopped and not signature.is_of_others:
            return False
        is_of_model = not (signature.is_by_rules or signature.is_default_for_all or signature.is_of_others)
        if is_of_model and any(is_rolled_back(connection, one) for one in deciders):
            return False
        _refuse_newcomers(connection, hand, signature.beside)
        append(connection)
    return True


def _is_stopped(signature: Signature, position: Position) -> bool:
    """Whether the switch, as it stands for a release, forbids what was chosen."""
    if signature.is_default_for_all:
        return False
    return position == "default" or (position == "on" and not signature.is_by_rules)


def _refuse_newcomers(connection: Connection, hand: BatchInHand, beside: frozenset[str]) -> None:
    """The first to log wins: from then on the others find it in the ledger, and its parts log side by side."""
    if has_decisions(connection, hand.batch_id):
        return
    take_lock(connection, "first_decision", hand.use_case.name)
    if has_decisions(connection, hand.batch_id):  # another part of it has, while this one waited
        return
    newcomers = begun_beside(connection, hand.batch, hand.use_case.schedule.covers_days) - beside
    newcomers -= sealed_batches(connection, hand.use_case.name)  # whom they hold is asked for once all is logged
    if newcomers:
        raise decided_in_others(hand.batch_id, sorted(newcomers))
