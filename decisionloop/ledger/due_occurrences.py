"""Which batches have decided those who fell due in a span of time, for good."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from decisionloop.ledger.batches import Batch, Scalar, batches, events, latest_details
from decisionloop.ledger.schema import decision, decision_group, stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.ledger.watching_periods import last_moment_of, unfinished_of_stream
from decisionloop.predict.due import Span


@dataclass(frozen=True)
class DecidedSpan:
    """A batch and the span in which it decided those whom it holds."""

    batch: Batch
    span: Span


def span_of(as_of: datetime, covers_days: float, told: dict[str, Scalar] | None = None) -> Span:
    """The span of a batch: what it ``told`` when it was frozen, else ``covers_days`` up to its as-of.

    One that was sealed from a stream has the as-of of its first decision, and tells until when its last one was made.
    """
    covers_from, until = (told or {}).get("covers_from"), (told or {}).get("covers_until")
    if covers_from is not None:
        last = as_of if until is None else datetime.fromisoformat(str(until))
        return Span(datetime.fromisoformat(str(covers_from)), last)
    return Span(as_of - timedelta(days=covers_days), as_of)


def decided_spans(
    source: Ledger | Connection, use_case: str, covers_days: float, since: datetime | None = None
) -> tuple[DecidedSpan, ...]:
    """Every batch that decided somebody for good and its span, by as-of.

    That is a batch that is decided, and one that has begun to log its decisions and can only go on with them, as a
    batch of the stream has while it gathers. Others hold nobody: a batch that was halted, and one that was killed
    before, whose people may be decided elsewhere. ``covers_days`` stands for what a batch of an earlier version did
    not tell. With ``since`` those whose span was over by then may be left out.
    """
    with facts.reading(source) as connection:
        every = batches(connection, use_case, None if _has_segments(connection, use_case) else since)
        streamed = set(unfinished_of_stream(connection, use_case))
        begun = {one.batch_id for one in every if one.state == "scored"} | streamed
        logged = _logged(connection, begun)
        held = [one for one in every if one.is_decided or one.state == "expired" or one.batch_id in logged]
        told = [
            detail or _gathered_until(connection, one, covers_days) if one.batch_id in streamed else detail
            for one, detail in zip(
                held, latest_details(connection, [one.batch_id for one in held], "frozen"), strict=True
            )
        ]
    return tuple(
        DecidedSpan(one, span_of(one.as_of, covers_days, dict(detail))) for one, detail in zip(held, told, strict=True)
    )


def _gathered_until(connection: Connection, one: Batch, covers_days: float) -> dict[str, Scalar]:
    """What a batch of the stream that still gathers would tell of its span."""
    last = last_moment_of(connection, one.batch_id) or one.as_of
    begin = one.as_of - timedelta(days=covers_days)
    return {"covers_from": begin.isoformat(), "covers_until": max(last, one.as_of).isoformat()}


def begun_beside(source: Ledger | Connection, one: Batch, covers_days: float) -> frozenset[str]:
    """Other batches that have decided somebody for good in a span that overlaps the one of a frozen batch."""
    (told,) = latest_details(source, [one.batch_id], "frozen")
    span = span_of(one.as_of, covers_days, dict(told))
    others = decided_spans(source, one.use_case, covers_days, span.after)
    return frozenset(
        other.batch.batch_id for other in others if other.batch.batch_id != one.batch_id and other.span.overlaps(span)
    )


def decided_at(source: Ledger | Connection, batch_id: str) -> datetime | None:
    """When a batch was decided; None where it is not yet."""
    return next((event.at for event in events(source, batch_id) if event.state == "decided"), None)


def entities_of(ledger: Ledger, batch_id: str) -> list[str]:
    """Whom a batch decided, from its decisions: for batches that did not keep who was due."""
    statement = select(decision.c.entity_id).where(decision.c.batch_id == batch_id)
    return [str(one) for one in read_frame(ledger, statement)["entity_id"]]


def _logged(connection: Connection, batch_ids: Collection[str]) -> frozenset[str]:
    """Those of these batches that have decisions."""
    if not batch_ids:
        return frozenset()
    statement = select(decision_group.c.batch_id).where(decision_group.c.batch_id.in_(batch_ids)).distinct()
    return frozenset(connection.execute(statement).scalars())


def _has_segments(connection: Connection, use_case: str) -> bool:
    """Whether anything was decided one at a time: a batch of such decisions ends later than at its as-of."""
    any_of = select(stream_segment.c.segment_id).where(stream_segment.c.use_case == use_case).limit(1)
    return connection.execute(any_of).first() is not None
