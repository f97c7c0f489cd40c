"""Actions that wait for a person: held by the kill switch, let go, cancelled.

They are those that a model or an exploration chose or, where the switch gives everybody the default action, all that
anybody chose before.

What is held is said a batch, in `hold_event`: its last event holds for every action of the batch that it covers and
that has not left. What was cancelled is said a decision, in `withdrawn_decision`, because observing and learning must
leave out each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, exists, func, insert, literal, select

from decisionloop.act.situation import DEFAULT_FOR_ALL
from decisionloop.errors import UsageError
from decisionloop.ledger.batches import batches
from decisionloop.ledger.id_spans import ANY_ID, IdSpan, ids_of_batch
from decisionloop.ledger.schema import (
    UtcDateTime,
    batch,
    decision,
    delivery,
    hold_event,
    outbox,
    utc_now,
    withdrawn_decision,
)
from decisionloop.ledger.sendings import unended_sendings
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.switch_lock import take_switch

HoldState = Literal["held", "released", "cancelled"]
Covers = Literal["model", "all"]
CHOSEN_BY_MODEL = ("champion", "canary", "exploration")
"""Roles whose actions the kill switch keeps in the house when it is on; what rules chose leaves."""
UNFINISHED_STATES = ("scored", "decided")


@dataclass(frozen=True)
class Holding:
    """What is said of unsent actions, why and by whom; ``covers``: of those that a model chose, or of all."""

    state: HoldState
    reason: str
    by: str
    covers: Covers = "model"


@dataclass(frozen=True)
class HoldEvent:
    """What a person or the switch said of unsent actions in a batch: those that a model chose, or ``covers`` all."""

    batch_id: str
    seq: int
    use_case: str
    state: HoldState
    reason: str
    by: str
    at: datetime
    covers: Covers = "model"


@dataclass(frozen=True)
class WaitingActions:
    """Unsent actions of a batch: ``last`` says what holds for them, ``actions`` how many they are.

    ``perhaps_arrived``: how many of a chunk that was begun and never ended; the receiver may have them.
    """

    last: HoldEvent
    actions: int
    perhaps_arrived: int


def hold_unsent(
    connection: Connection,
    use_case: str,
    reason: str,
    by: str,
    covers: Covers = "model",
    of: Collection[str] | None = None,
) -> None:
    """Hold the unsent actions that a model chose, or all, batch by batch; what is held or cancelled stays so.

    ``of``: only of batches in which one of these releases chose anything that has not left.
    """
    last = {event.batch_id: event for event in last_hold_events(connection, use_case)}
    unfinished = [found.batch_id for found in batches(connection, use_case) if found.state in UNFINISHED_STATES]
    released = [batch_id for batch_id, event in last.items() if event.state == "released"]
    for batch_id in dict.fromkeys([*unfinished, *released]):
        before = last.get(batch_id)
        is_held = before is not None and before.state == "held" and before.covers in (covers, "all")
        if not is_held and count_unsent(connection, batch_id, covers, of):
            append_hold_event(connection, batch_id, use_case, Holding("held", reason, by, covers))


def use_cases_with_unsent(source: Ledger | Connection) -> tuple[str, ...]:
    """The use cases in which anything may be to hold, by name."""
    with facts.reading(source) as connection:
        return tuple(connection.execute(select(batch.c.use_case).distinct().order_by(batch.c.use_case)).scalars())


def append_hold_event(connection: Connection, batch_id: str, use_case: str, holding: Holding) -> None:
    """Say what holds from now on for unsent actions of a batch."""
    seq = facts.next_seq(connection, hold_event, hold_event.c.batch_id == batch_id)
    event = HoldEvent(batch_id, seq, use_case, at=utc_now(), **asdict(holding))
    facts.add(connection, hold_event, [event])


def last_hold_events(source: Ledger | Connection, use_case: str) -> tuple[HoldEvent, ...]:
    """The last event of every batch of a use case whose actions were ever held, by batch."""
    newer = hold_event.alias("newer")
    is_last = ~exists().where(newer.c.batch_id == hold_event.c.batch_id, newer.c.seq > hold_event.c.seq)
    order = [hold_event.c.batch_id]
    return facts.every(source, HoldEvent, hold_event, hold_event.c.use_case == use_case, is_last, order_by=order)


def last_hold_event(source: Ledger | Connection, batch_id: str) -> HoldEvent | None:
    """What holds for the unsent actions of a batch; None where none was ever held."""
    found = facts.every(
        source, HoldEvent, hold_event, hold_event.c.batch_id == batch_id, order_by=[hold_event.c.seq.desc()]
    )
    return found[0] if found else None


def count_unsent(
    source: Ledger | Connection, batch_id: str, covers: Covers = "model", of: Collection[str] | None = None
) -> int:
    """How many actions that a model, or anybody, chose in a batch have neither left nor been cancelled.

    ``of``: only what these releases chose.
    """
    with facts.reading(source) as connection:
        span = ids_of_batch(connection, batch_id)
        statement = select(func.count()).select_from(outbox).where(*_unsent(batch_id, covers, span))
        if of is not None:
            same = (decision.c.decision_id == outbox.c.decision_id, *span.holds(decision.c.decision_id))
            statement = statement.where(exists().where(*same, decision.c.release_id.in_(of)))
        return connection.execute(statement).scalar_one()


def count_held(source: Ledger | Connection, batch_id: str) -> int:
    """How many actions of a batch wait for a person to release or cancel them."""
    last = last_hold_event(source, batch_id)
    return count_unsent(source, batch_id, last.covers) if last is not None and last.state == "held" else 0


def waiting_actions(source: Ledger | Connection, use_case: str) -> tuple[WaitingActions, ...]:
    """Every batch of a use case in which actions are held, or released and not sent yet."""
    with facts.reading(source) as connection:
        begun = {(one.batch_id, one.chunk): one.actions for one in unended_sendings(connection, use_case)}
        perhaps = Counter[str]()
        for (batch_id, _), actions in begun.items():
            perhaps[batch_id] += actions
        waiting = [
            WaitingActions(event, count_unsent(connection, event.batch_id, event.covers), perhaps[event.batch_id])
            for event in last_hold_events(connection, use_case)
            if event.state != "cancelled"
        ]
    return tuple(one for one in waiting if one.actions)


def release_held(
    ledger: Ledger, use_case: str, batch_ids: Sequence[str], reason: str, by: str, approvers: Sequence[str]
) -> tuple[WaitingActions, ...]:
    """Let held actions leave at the next dispatch, whatever the kill switch says then; returns what was released.

    ``batch_ids``: () for all. Raises UsageError where nothing is held, and unless ``by`` is one of ``approvers``.
    """
    if by not in approvers:
        named = f"approval.approvers names {', '.join(approvers)}. Ask one of them, or `decisionloop outbox cancel`."
        raise UsageError(f"{by!r} may not release what is held of {use_case}: {named}")
    with ledger.begin() as connection:
        take_switch(connection, use_case)
        held = _chosen(connection, use_case, batch_ids, ("held",))
        for one in held:
            append_hold_event(connection, one.last.batch_id, use_case, Holding("released", reason, by, one.last.covers))
    return held


def cancel_held(
    ledger: Ledger, use_case: str, batch_ids: Sequence[str], reason: str, by: str
) -> tuple[WaitingActions, ...]:
    """Cancel actions that are held, or released and unsent, for good; returns what was cancelled.

    With them goes every other decision of a model (of anybody, where all were held) in those batches that has not been
    carried out, also those that send nothing: were they kept, the batch would teach of the actions alone that nobody
    had to send.

    ``batch_ids``: which batches, () for all. Raises UsageError where nothing waits, and while a chunk is under way.
    """
    with ledger.begin() as connection:
        take_switch(connection, use_case)
        waiting = _chosen(connection, use_case, batch_ids, ("held", "released"))
        _refuse_under_way(connection, use_case, {one.last.batch_id for one in waiting})
        for one in waiting:
            _withdraw(connection, one.last.batch_id, one.last.covers)
            append_hold_event(
                connection, one.last.batch_id, use_case, Holding("cancelled", reason, by, one.last.covers)
            )
    return waiting


def withdrawn_ids(source: Ledger | Connection, batch_id: str) -> frozenset[str]:
    """The decisions of a batch that were cancelled."""
    statement = select(withdrawn_decision.c.decision_id).where(withdrawn_decision.c.batch_id == batch_id)
    with facts.reading(source) as connection:
        return frozenset(connection.execute(statement).scalars())


def is_carried_out(decision_id: ColumnElement[str], span: IdSpan = ANY_ID) -> ColumnElement[bool]:
    """Whether the decision of that id stands: it was not cancelled, or it had left all the same.

    ``span``: between which ids those lie that are asked about.
    """
    withdrawn = withdrawn_decision.c.decision_id
    # Made once a statement, and not asked for each of its rows.
    return decision_id.not_in(select(withdrawn).where(*span.holds(withdrawn), ~_is_delivered(withdrawn, span)))


def is_any_carried_out(source: Ledger | Connection, batch_id: str) -> bool:
    """Whether any decision of a batch stands."""
    one = select(decision.c.decision_id).where(decision.c.batch_id == batch_id).limit(1)
    with facts.reading(source) as connection:
        span = ids_of_batch(connection, batch_id)
        where = (*span.holds(decision.c.decision_id), is_carried_out(decision.c.decision_id, span))
        return connection.execute(one.where(*where)).first() is not None


def _withdraw(connection: Connection, batch_id: str, covers: Covers) -> None:
    table = decision.c
    by_nobody = func.coalesce(table.fallback_reason, "") == DEFAULT_FOR_ALL
    span = ids_of_batch(connection, batch_id)
    is_covered = table.role.in_(CHOSEN_BY_MODEL) if covers == "model" else ~by_nobody
    chosen = (table.batch_id == batch_id, *span.holds(table.decision_id), is_covered)
    is_withdrawn = exists().where(withdrawn_decision.c.decision_id == table.decision_id)
    columns: list[ColumnElement[Any]] = [table.decision_id, table.batch_id, literal(utc_now(), UtcDateTime())]
    rows = select(*columns).where(*chosen, ~_is_delivered(table.decision_id, span), ~is_withdrawn)
    connection.execute(insert(withdrawn_decision).from_select(["decision_id", "batch_id", "at"], rows))


def _chosen(
    connection: Connection, use_case: str, batch_ids: Sequence[str], states: Sequence[HoldState]
) -> tuple[WaitingActions, ...]:
    waiting = {one.last.batch_id: one for one in waiting_actions(connection, use_case) if one.last.state in states}
    missing = [batch_id for batch_id in batch_ids if batch_id not in waiting]
    if missing or not waiting:
        where = f"in {', '.join(missing)}" if missing else f"of {use_case}"
        raise UsageError(
            f"no action {where} is {' or '.join(states)}. `decisionloop outbox list {use_case}` shows what waits."
        )
    return tuple(waiting[batch_id] for batch_id in (dict.fromkeys(batch_ids) or waiting))


def _refuse_under_way(connection: Connection, use_case: str, batch_ids: set[str]) -> None:
    """Raises UsageError where a chunk of these batches is being sent: nobody can say yet whether it arrived."""
    now = utc_now()
    for one in unended_sendings(connection, use_case):
        if one.batch_id in batch_ids and one.until > now:
            raise UsageError(f"{one.as_text()} is under way until {one.until:%H:%M:%S} UTC at most. Cancel after that.")


def _unsent(batch_id: str, covers: Covers, span: IdSpan) -> tuple[ColumnElement[bool], ...]:
    own = (outbox.c.batch_id == batch_id, *span.holds(outbox.c.decision_id))
    is_withdrawn = exists().where(withdrawn_decision.c.decision_id == outbox.c.decision_id)
    by_model = outbox.c.role.in_(CHOSEN_BY_MODEL)
    is_chosen = by_model if covers == "model" else ~was_default_for_all(outbox.c.decision_id, span)
    return (*own, is_chosen, ~_is_delivered(outbox.c.decision_id, span), ~is_withdrawn)


def is_default_for_all(source: Ledger | Connection, batch_id: str) -> bool:
    """Whether all that rules, or nobody, chose in a batch was chosen while everybody got the default action."""
    table = decision.c
    reason = func.coalesce(table.fallback_reason, "")
    with facts.reading(source) as connection:
        own = ids_of_batch(connection, batch_id).holds(table.decision_id)
        ours = (table.batch_id == batch_id, *own, table.role.not_in(CHOSEN_BY_MODEL))
        any_of = select(table.decision_id).where(*ours).limit(1)
        is_any = connection.execute(any_of.where(reason == DEFAULT_FOR_ALL)).first() is not None
        return is_any and connection.execute(any_of.where(reason != DEFAULT_FOR_ALL)).first() is None


def was_default_for_all(decision_id: ColumnElement[str], span: IdSpan = ANY_ID) -> ColumnElement[bool]:
    """Whether the decision of that id was made while everybody got the default action: it may leave."""
    same = (decision.c.decision_id == decision_id, *span.holds(decision.c.decision_id))
    return exists().where(*same, decision.c.fallback_reason == DEFAULT_FOR_ALL)


def _is_delivered(decision_id: ColumnElement[str], span: IdSpan) -> ColumnElement[bool]:
    same = (delivery.c.decision_id == decision_id, *span.holds(delivery.c.decision_id))
    return exists().where(*same, delivery.c.status == "delivered")
