"""Tables of what is decided one at a time, and of posted outcomes: durable at once, sealed into batches later.

A segment holds what was decided at one moment. Once it is sealed the ordinary tables tell of its decisions.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Named, Table, TypedColumns

from decisionloop.ledger.schema.columns import UtcDateTime, metadata


class StreamSegmentColumns(TypedColumns):
    """Decisions of one moment: who decided them (`deciders`), and all that was known, said and chosen (`record`)."""

    segment_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    as_of: Named[datetime] = Column(UtcDateTime)
    rows: Named[int]
    deciders: Named[str]
    record: Named[str]
    decided_at: Named[datetime] = Column(UtcDateTime)


stream_segment: Table[StreamSegmentColumns] = Table("stream_segment", metadata, StreamSegmentColumns)
Index(None, stream_segment.c.use_case, stream_segment.c.as_of)


class StreamDecisionColumns(TypedColumns):
    """In which segment a decision is: nobody is decided twice as of the same moment."""

    decision_id: Named[str] = Column(primary_key=True)
    segment_id: Named[str] = Column(ForeignKey("stream_segment.segment_id"))


stream_decision: Table[StreamDecisionColumns] = Table("stream_decision", metadata, StreamDecisionColumns)


class AnswerTimeColumns(TypedColumns):
    """How long whoever asked waited for the answer; none where the process was killed right after it."""

    decision_id: Named[str] = Column(primary_key=True)
    waited_ms: Named[float]
    answered_at: Named[datetime] = Column(UtcDateTime)


answer_time: Table[AnswerTimeColumns] = Table("answer_time", metadata, AnswerTimeColumns)


class StreamRequestColumns(TypedColumns):
    """What a request with an idempotency key was answered, which is what it is answered ever after."""

    request_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    body_digest: Named[str]
    answer: Named[str]
    answered_at: Named[datetime] = Column(UtcDateTime)


stream_request: Table[StreamRequestColumns] = Table("stream_request", metadata, StreamRequestColumns)


class SealedSegmentColumns(TypedColumns):
    """The batch that a segment is sealed in, its place there, and the part of it that holds its rows."""

    segment_id: Named[str] = Column(ForeignKey("stream_segment.segment_id"), primary_key=True)
    batch_id: Named[str] = Column(ForeignKey("batch.batch_id"))
    place: Named[int]
    part: Named[int] = Column(server_default="0")


sealed_segment: Table[SealedSegmentColumns] = Table("sealed_segment", metadata, SealedSegmentColumns)
Index(None, sealed_segment.c.batch_id)


class PeriodAccountColumns(TypedColumns):
    """What the decisions of a watching period have used of the policy's constraints, after each segment: JSON."""

    use_case: Named[str] = Column(primary_key=True)
    begin: Named[datetime] = Column(UtcDateTime, primary_key=True)
    seq: Named[int] = Column(primary_key=True, autoincrement=False)
    segment_id: Named[str] = Column(ForeignKey("stream_segment.segment_id"))
    rows: Named[int]
    used: Named[str]


period_account: Table[PeriodAccountColumns] = Table("period_account", metadata, PeriodAccountColumns)


class PostedOutcomeColumns(TypedColumns):
    """An outcome as it was posted; the next reading takes it in beside those of the source."""

    outcome_id: Named[str] = Column(primary_key=True)
    use_case: Named[str]
    decision_id: Named[str | None]
    entity_id: Named[str | None]
    decision_time: Named[datetime | None] = Column(UtcDateTime)
    outcome_class: Named[float | None]
    amount: Named[float | None]
    observed_at: Named[datetime] = Column(UtcDateTime)
    happened_at: Named[datetime | None] = Column(UtcDateTime)
    posted_at: Named[datetime] = Column(UtcDateTime)
    executed_action: Named[str | None]
    overridden_by: Named[str | None]
    override_reason: Named[str | None]


posted_outcome: Table[PostedOutcomeColumns] = Table("posted_outcome", metadata, PostedOutcomeColumns)
Index(None, posted_outcome.c.use_case, posted_outcome.c.observed_at)
Index(None, posted_outcome.c.decision_id)
