"""Tables of what is on its way out at this moment, and of what people keep in the house."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class SendingColumns(TypedColumns):
    """A chunk of actions that was begun: without an end, under way or its sender is dead."""

    sending_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"))
    chunk: Named[int]
    actions: Named[int] = Column(BigInteger)
    at: Named[datetime] = Column(UtcDateTime)
    until: Named[datetime] = Column(UtcDateTime)


sending: Table[SendingColumns] = Table("sending", metadata, SendingColumns)
Index(None, sending.c.use_case)


class SendingEndColumns(TypedColumns):
    """How a sending ended: delivered or failed."""

    sending_id: Named[str] = Column(ForeignKey("sending.sending_id"), primary_key=True)
    status: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


sending_end: Table[SendingEndColumns] = Table("sending_end", metadata, SendingEndColumns)


class HoldEventColumns(TypedColumns):
    """What holds for unsent actions of a batch: held, released or cancelled. The last counts.

    ``covers``: those that a model chose ("model"), or "all".
    """

    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"), primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    use_case: Named[str]
    state: Named[str]
    reason: Named[str]
    by: Named[str]
    at: Named[datetime] = Column(UtcDateTime)
    covers: Named[str] = Column(server_default="model")


hold_event: Table[HoldEventColumns] = Table("hold_event", metadata, HoldEventColumns)
Index(None, hold_event.c.use_case)


class WithdrawnDecisionColumns(TypedColumns):
    """A decision that a person cancelled before it was carried out, or whose entity was answered one at a time before
    its batch was decided: it never leaves, teaches and counts for nothing."""

    decision_id: Named[str] = Column(primary_key=True)
    batch_id: Named[str]
    at: Named[datetime] = Column(UtcDateTime)


withdrawn_decision: Table[WithdrawnDecisionColumns] = Table("withdrawn_decision", metadata, WithdrawnDecisionColumns)
Index(None, withdrawn_decision.c.batch_id)
