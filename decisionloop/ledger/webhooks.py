"""What other systems asked for by webhook: each delivery is kept once, and then step by step what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, exists, func, literal, select

from decisionloop.ledger.schema import utc_now, webhook_delivery, webhook_step
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger

DeliveryState = Literal["waiting", "failed", "started", "superseded", "refused", "ignored"]
"""waiting: nothing was tried yet. failed: tried, and to be tried again. The others are final."""
FINAL: tuple[DeliveryState, ...] = ("started", "superseded", "refused", "ignored")


@dataclass(frozen=True)
class WebhookDelivery:
    """A delivery whose signature held, and the deployment and parameters (JSON) that it asks for.

    ``subject``: what it is about. Of two deliveries of a sender about one subject the one with the later ``event_at``
    is the newer one, in whatever order they arrive. ``body_digest``: sha256 of the body, which is not kept.
    """

    sender: str
    delivery_id: str
    body_digest: str
    event: str
    deployment: str
    subject: str
    parameters: str
    event_at: datetime
    received_at: datetime


@dataclass(frozen=True)
class WebhookStep:
    """A step of a delivery; ``detail`` is the flow run that was started, or why none was."""

    sender: str
    delivery_id: str
    seq: int
    state: DeliveryState
    detail: str
    at: datetime


@dataclass(frozen=True)
class DeliveryCount:
    """How many deliveries of a sender are in a state."""

    sender: str
    state: DeliveryState
    deliveries: int


def store_delivery(ledger: Ledger, delivery: WebhookDelivery, ignored_because: str = "") -> WebhookDelivery:
    """Keep a delivery; returns what is kept, which is an earlier one where its id or its very body came before.

    Not every scheme signs the id, so a body that comes again under another id is the same delivery.
    ``ignored_because``: why nothing is to be started for it; empty where something is.
    """
    with ledger.begin() as connection:
        _take_turn(connection)
        known = find_delivery(connection, delivery.sender, delivery.delivery_id) or _with_body(connection, delivery)
        if known is not None:
            return known
        facts.add(connection, webhook_delivery, [delivery])
        if ignored_because:
            add_step(connection, delivery, "ignored", ignored_because)
    return delivery


def find_delivery(source: Ledger | Connection, sender: str, delivery_id: str) -> WebhookDelivery | None:
    """The delivery of that id, or None."""
    return facts.one(source, WebhookDelivery, webhook_delivery, *_key(sender, delivery_id))


def add_step(target: Ledger | Connection, delivery: WebhookDelivery, state: DeliveryState, detail: str) -> WebhookStep:
    """Append a step and return what holds now: a final state stands, and saying again what was said adds nothing."""
    with facts.writing(target) as connection:
        seq = facts.next_seq(connection, webhook_step, *_step_key(delivery))
        last = next(reversed(steps(connection, delivery)), None)
        if last is not None and (last.state in FINAL or (last.state, last.detail) == (state, detail)):
            return last
        new = WebhookStep(delivery.sender, delivery.delivery_id, seq, state, detail, utc_now())
        facts.add(connection, webhook_step, [new])
        return new


def steps(source: Ledger | Connection, delivery: WebhookDelivery) -> tuple[WebhookStep, ...]:
    """Every step of a delivery, in order."""
    return facts.every(source, WebhookStep, webhook_step, *_step_key(delivery), order_by=[webhook_step.c.seq])


def waiting_deliveries(source: Ledger | Connection) -> tuple[WebhookDelivery, ...]:
    """The deliveries for which something is still to be started, in the order of their events."""
    table = webhook_delivery.c
    order: list[ColumnElement[Any]] = [table.event_at, table.received_at, table.delivery_id]
    return facts.every(source, WebhookDelivery, webhook_delivery, ~_has_step(FINAL), order_by=order)


def newer_delivery(source: Ledger | Connection, delivery: WebhookDelivery) -> WebhookDelivery | None:
    """The latest delivery of the same sender about the same subject whose event is later; None where there is none.

    One that was refused or ignored does nothing, so it takes nobody's place.
    """
    table = webhook_delivery.c
    where = (
        table.sender == delivery.sender,
        table.subject == delivery.subject,
        table.event_at > delivery.event_at,
        ~_has_step(("refused", "ignored")),
    )
    found = facts.every(source, WebhookDelivery, webhook_delivery, *where, order_by=[table.event_at])
    return found[-1] if found else None


def delivery_counts(source: Ledger | Connection) -> tuple[DeliveryCount, ...]:
    """How many deliveries of each sender are in each state; states without any are left out."""
    later = webhook_step.alias("later")
    is_last = ~exists().where(
        later.c.sender == webhook_step.c.sender,
        later.c.delivery_id == webhook_step.c.delivery_id,
        later.c.seq > webhook_step.c.seq,
    )
    with_steps = (
        select(webhook_step.c.sender, webhook_step.c.state, func.count())
        .where(is_last)
        .group_by(webhook_step.c.sender, webhook_step.c.state)
    )
    without = (
        select(webhook_delivery.c.sender, literal("waiting"), func.count())
        .where(~_has_step(get_args(DeliveryState)))
        .group_by(webhook_delivery.c.sender)
    )
    with facts.reading(source) as connection:
        rows = [*connection.execute(with_steps), *connection.execute(without)]
    return tuple(sorted((DeliveryCount(*row) for row in rows), key=lambda one: (one.sender, one.state)))


def _take_turn(connection: Connection) -> None:
    """Let whoever else stores a delivery commit first; SQLite has one writer at a time as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(webhook_delivery.name))))


def _with_body(connection: Connection, delivery: WebhookDelivery) -> WebhookDelivery | None:
    table = webhook_delivery.c
    where = (table.sender == delivery.sender, table.body_digest == delivery.body_digest)
    return facts.one(connection, WebhookDelivery, webhook_delivery, *where)


def _key(sender: str, delivery_id: str) -> tuple[ColumnElement[bool], ...]:
    return webhook_delivery.c.sender == sender, webhook_delivery.c.delivery_id == delivery_id


def _step_key(delivery: WebhookDelivery) -> tuple[ColumnElement[bool], ...]:
    return webhook_step.c.sender == delivery.sender, webhook_step.c.delivery_id == delivery.delivery_id


def _has_step(states: tuple[str, ...]) -> ColumnElement[bool]:
    step = webhook_step.alias("step")  # a name of its own: the caller may read the steps as well
    return exists().where(
        step.c.sender == webhook_delivery.c.sender,
        step.c.delivery_id == webhook_delivery.c.delivery_id,
        step.c.state.in_(states),
    )
