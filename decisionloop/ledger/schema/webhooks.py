"""Tables of what other systems asked for by webhook: every delivery once, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKeyConstraint, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class WebhookDeliveryColumns(TypedColumns):
    """A delivery whose signature held: what it asks for. Of its body only a digest and the parameters are kept."""

    sender: Named[str] = Column(primary_key=True)
    delivery_id: Named[str] = Column(primary_key=True)
    body_digest: Named[str]
    event: Named[str]
    deployment: Named[str]
    subject: Named[str]
    parameters: Named[str]
    event_at: Named[datetime] = Column(UtcDateTime)
    received_at: Named[datetime] = Column(UtcDateTime)


webhook_delivery: Table[WebhookDeliveryColumns] = Table("webhook_delivery", metadata, WebhookDeliveryColumns)
Index(None, webhook_delivery.c.sender, webhook_delivery.c.body_digest, unique=True)
Index(None, webhook_delivery.c.sender, webhook_delivery.c.subject, webhook_delivery.c.event_at)


class WebhookStepColumns(TypedColumns):
    """A step of a delivery: failed (tried again), started, superseded, refused or ignored (all of them final)."""

    sender: Named[str] = Column(primary_key=True)
    delivery_id: Named[str] = Column(primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    state: Named[str]
    detail: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


webhook_step: Table[WebhookStepColumns] = Table(
    "webhook_step",
    metadata,
    WebhookStepColumns,
    ForeignKeyConstraint(
        ["sender", "delivery_id"],
        ["webhook_delivery.sender", "webhook_delivery.delivery_id"],
        name="fk_webhook_step_delivery",
    ),
)
