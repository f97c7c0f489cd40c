"""The batches of a stream that still gather decisions, and the parts that its segments are sealed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, select

from decisionloop.ledger.batches import append_batch_event
from decisionloop.ledger.schema import batch, batch_event, batch_part, decision, sealed_segment, stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.stream import Segment


@dataclass(frozen=True)
class SealedSegment:
    """The batch that a segment is sealed in, its place there, and the part of it that holds its rows."""

    segment_id: str
    batch_id: str
    place: int
    part: int


@dataclass(frozen=True)
class Gathering:
    """A batch that nothing keeps from growing yet: its first segment, how many it has, and its last part."""

    batch_id: str
    first: Segment
    segments: int
    last_part: int


def unfinished_of_stream(source: Ledger | Connection, use_case: str) -> tuple[str, ...]:
    """Ids of batches that segments are sealed in and that are not complete, by as-of."""
    with facts.reading(source) as connection:
        return tuple(connection.execute(unfinished_ids(use_case).order_by(batch.c.as_of)).scalars())


def unfinished_ids(use_case: str) -> Select[str]:
    """What selects the ids of these batches: half of a cohort teaches nothing."""
    is_complete = exists().where(batch_event.c.batch_id == batch.c.batch_id, batch_event.c.state == "complete")
    has_segments = exists().where(sealed_segment.c.batch_id == batch.c.batch_id)
    return select(batch.c.batch_id).where(batch.c.use_case == use_case, has_segments, ~is_complete)


def count_unfinished(source: Ledger | Connection, use_case: str) -> int:
    """How many decisions were made one at a time and are in no batch that is complete."""
    table = stream_segment.c
    is_told = exists().where(
        sealed_segment.c.segment_id == table.segment_id,
        sealed_segment.c.batch_id == batch_event.c.batch_id,
        batch_event.c.state == "complete",
    )
    statement = select(func.coalesce(func.sum(table.rows), 0)).where(table.use_case == use_case, ~is_told)
    with facts.reading(source) as connection:
        return int(connection.execute(statement).scalar_one())


def gathering(connection: Connection, use_case: str) -> tuple[Gathering, ...]:
    """The batches whose period is not said to be over."""
    is_begun = exists().where(batch_event.c.batch_id == sealed_segment.c.batch_id, batch_event.c.state != "opened")
    sealed = sealed_segment.c
    statement = (
        select(sealed.batch_id, func.max(sealed.place), func.max(sealed.part))
        .where(sealed.batch_id.in_(unfinished_of_stream(connection, use_case)), ~is_begun)
        .group_by(sealed.batch_id)
    )
    found = connection.execute(statement.order_by(sealed.batch_id)).all()
    return tuple(
        Gathering(batch_id, first_segment(connection, batch_id), 1 + place, part) for batch_id, place, part in found
    )


def seal_into(connection: Connection, batch_id: str, part: int, segments: Sequence[Segment], place: int) -> None:
    """Say for good that these segments are one more part of a batch, in this order, from ``place`` on."""
    sealed = [SealedSegment(one.segment_id, batch_id, place + i, part) for i, one in enumerate(segments)]
    facts.add(connection, sealed_segment, sealed)


def say_gathered(connection: Connection, batch_id: str) -> None:
    """Say for good that nothing more comes into a batch."""
    append_batch_event(connection, batch_id, "gathered", is_once=True)


def parts_sealed(source: Ledger | Connection, batch_id: str) -> tuple[int, ...]:
    """The numbers of the parts of a batch that segments are sealed in, in their order; () for one of no stream."""
    statement = select(sealed_segment.c.part).where(sealed_segment.c.batch_id == batch_id).distinct()
    with facts.reading(source) as connection:
        return tuple(connection.execute(statement.order_by(sealed_segment.c.part)).scalars())


def segments_of_part(source: Ledger | Connection, batch_id: str, part: int) -> tuple[Segment, ...]:
    """The segments of one part of a batch in their order."""
    return _segments(source, batch_id, sealed_segment.c.part == part)


def first_segment(source: Ledger | Connection, batch_id: str) -> Segment:
    """The first segment of a batch of the stream: who decided it decided all of the batch."""
    return _segments(source, batch_id, sealed_segment.c.place == 0)[0]


def last_moment_of(source: Ledger | Connection, batch_id: str) -> datetime | None:
    """The moment of the last decision of a batch so far; None for one of no stream."""
    statement = (
        select(func.max(stream_segment.c.as_of))
        .join(sealed_segment, sealed_segment.c.segment_id == stream_segment.c.segment_id)
        .where(sealed_segment.c.batch_id == batch_id)
    )
    with facts.reading(source) as connection:
        return connection.execute(statement).scalar()


def own_moment() -> ColumnElement[datetime]:
    """As of when each row of the view `decision` was made: one of the stream has its own moment, not its batch's."""
    is_streamed = decision.c.batch_id.in_(select(sealed_segment.c.batch_id))
    return case((is_streamed, decision.c.decided_at), else_=decision.c.as_of).label("as_of")


def last_part_at(source: Ledger | Connection, use_case: str) -> datetime | None:
    """When decisions came into an unfinished batch of the stream last; None where there is none."""
    unfinished = unfinished_of_stream(source, use_case)
    with facts.reading(source) as connection:
        return connection.execute(
            select(func.max(batch_part.c.at)).where(batch_part.c.batch_id.in_(unfinished))
        ).scalar()


def _segments(source: Ledger | Connection, batch_id: str, where: Any) -> tuple[Segment, ...]:
    statement: Select[*tuple[Any, ...]] = (
        select(*facts.columns_of(Segment, stream_segment))
        .join(sealed_segment, sealed_segment.c.segment_id == stream_segment.c.segment_id)
        .where(sealed_segment.c.batch_id == batch_id, where)
        .order_by(sealed_segment.c.place)
    )
    return facts.as_facts(source, Segment, statement)
