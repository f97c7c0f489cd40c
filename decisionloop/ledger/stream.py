"""What was decided one at a time: kept segment by segment as it is answered, and sealed into batches later."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Connection, Select, Text, any_, bindparam, exists, func, literal_column, or_, select

from decisionloop.ledger.flags import KILL_SWITCH
from decisionloop.ledger.schema import (
    batch,
    batch_part,
    decision_row,
    flag,
    release_event,
    sealed_segment,
    stream_decision,
    stream_request,
    stream_segment,
)
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.prepared import Prepared
from decisionloop.ledger.switch_lock import EVERYTHING

_CHUNK = 500  # SQLite takes so many values in one statement at any rate


@dataclass(frozen=True)
class Segment:
    """What was decided as of one moment. ``deciders`` and ``record`` are JSON text, ``decided_at`` the clock's time."""

    segment_id: str
    use_case: str
    as_of: datetime
    rows: int
    deciders: str
    record: str
    decided_at: datetime


@dataclass(frozen=True)
class StreamRequest:
    """A request with an idempotency key: the digest of its body, and its answer as JSON text."""

    request_id: str
    use_case: str
    body_digest: str
    answer: str
    answered_at: datetime


@dataclass(frozen=True)
class _StreamDecision:
    decision_id: str
    segment_id: str


class KnownAlready(Exception):
    """Some of it was kept before, and nothing of it was kept now: ids of requests, and of decisions."""

    def __init__(self, requests: frozenset[str], decisions: frozenset[str]) -> None:
        super().__init__(f"{len(requests)} requests and {len(decisions)} decisions are known already")
        self.requests, self.decisions = requests, decisions


def append_segment(
    connection: Connection, segment: Segment, decision_ids: Sequence[str], requests: Sequence[StreamRequest]
) -> None:
    """Keep a segment, its decisions and the answers of its requests.

    Raises KnownAlready where a request was answered, or somebody decided as of this moment, before: nothing may then be
    committed.
    """
    ids = sorted(decision_ids)
    in_batches = _found(connection, decision_row.c.decision_id, ids)
    facts.add(connection, stream_segment, [segment])
    asked = sorted(requests, key=lambda one: one.request_id)
    is_new = facts.add(connection, stream_request, asked) == len(asked)
    is_new &= facts.add(connection, stream_decision, [_StreamDecision(one, segment.segment_id) for one in ids]) == len(
        ids
    )
    if is_new and not in_batches:
        return
    own = select(stream_decision.c.decision_id).where(stream_decision.c.segment_id == segment.segment_id)
    known = _found(connection, stream_decision.c.decision_id, ids) - set(connection.execute(own).scalars())
    before = {one.request_id for one in asked if find_request(connection, one.request_id) != one}
    raise KnownAlready(frozenset(before), frozenset(known | in_batches))


def _found(connection: Connection, column: Any, ids: Sequence[str]) -> set[str]:
    """Which of these a column holds: one value is sent however many there are, so that the statement stays the same."""
    sent = list(ids) if connection.dialect.name == "postgresql" else json.dumps(list(ids))
    return {one for (one,) in _those_of(column).rows(connection, {"ids": sent})}


@functools.cache
def _those_of(column: Any) -> Prepared:
    def those(dialect: str) -> Select[Any]:
        if dialect == "postgresql":
            return select(column).where(column == any_(bindparam("ids", type_=ARRAY(Text))))
        return select(column).where(column.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value)))

    return Prepared(those)


def find_request(source: Ledger | Connection, request_id: str) -> StreamRequest | None:
    """What a request was answered, or None."""
    return facts.one(source, StreamRequest, stream_request, stream_request.c.request_id == request_id)


def find_segment(source: Ledger | Connection, decision_id: str) -> Segment | None:
    """The segment that holds a decision, or None."""
    of_decision = select(stream_decision.c.segment_id).where(stream_decision.c.decision_id == decision_id)
    return facts.one(source, Segment, stream_segment, stream_segment.c.segment_id.in_(of_decision))


def is_known_segment(source: Ledger | Connection, segment_id: str) -> bool:
    """Whether this ledger knows of a segment."""
    return facts.one(source, Segment, stream_segment, stream_segment.c.segment_id == segment_id) is not None


def last_segment_at(ledger: Ledger, use_case: str) -> datetime | None:
    """As of when somebody was decided one at a time last; None where nobody ever was."""
    with ledger.connect() as connection:
        newest = select(func.max(stream_segment.c.as_of)).where(stream_segment.c.use_case == use_case)
        return connection.execute(newest).scalar_one_or_none()


def segments_holding(source: Ledger | Connection, decision_ids: Sequence[str]) -> tuple[Segment, ...]:
    """The segments that hold any of these decisions, each once."""
    found: dict[str, Segment] = {}
    with facts.reading(source) as connection:
        for start in range(0, len(decision_ids), _CHUNK):
            some = decision_ids[start : start + _CHUNK]
            of_some = select(stream_decision.c.segment_id).where(stream_decision.c.decision_id.in_(some))
            rows = facts.every(
                connection, Segment, stream_segment, stream_segment.c.segment_id.in_(of_some),
                order_by=[stream_segment.c.segment_id],
            )  # fmt: skip
            found |= {one.segment_id: one for one in rows}
    return tuple(found.values())


def is_decided_online(source: Ledger | Connection, use_case: str) -> bool:
    """Whether anybody was ever decided one at a time."""
    found = select(stream_segment.c.segment_id).where(stream_segment.c.use_case == use_case).limit(1)
    with facts.reading(source) as connection:
        return connection.execute(found).first() is not None


def last_release_seq(source: Ledger | Connection, use_case: str) -> int:
    """The last event of the releases of a use case; 0 before the first."""
    statement = select(func.max(release_event.c.seq)).where(release_event.c.use_case == use_case)
    with facts.reading(source) as connection:
        return connection.execute(statement).scalar() or 0


def last_changes(connection: Connection, use_case: str) -> tuple[int, int]:
    """The last event of the releases of a use case, and how often its kill switch, or that of everything, was ever
    turned from off: what every decision asks before it is kept, in one statement."""
    [(seq, turned)] = _LAST_CHANGES.rows(connection, {"of": use_case, "everything": EVERYTHING, "switch": KILL_SWITCH})
    return seq or 0, turned


def _last_changes() -> Select[Any]:
    of = flag.c.use_case
    turned = select(func.count()).where(
        or_(of == bindparam("of"), of == bindparam("everything")),
        flag.c.name == bindparam("switch"),
        flag.c.value != literal_column("'off'"),
    )
    last = select(func.max(release_event.c.seq)).where(release_event.c.use_case == bindparam("of"))
    return select(last.scalar_subquery(), turned.scalar_subquery())


_LAST_CHANGES = Prepared(lambda _: _last_changes())


def unsealed_segments(source: Ledger | Connection, use_case: str) -> tuple[Segment, ...]:
    """The segments that are in no batch yet, in the order of their moments."""
    table = stream_segment.c
    is_sealed = exists().where(sealed_segment.c.segment_id == table.segment_id)
    order: list[Any] = [table.as_of, table.segment_id]
    return facts.every(source, Segment, stream_segment, table.use_case == use_case, ~is_sealed, order_by=order)


def answered_segments(source: Ledger | Connection, use_case: str, after: datetime) -> tuple[Segment, ...]:
    """The segments as of moments after that one which no part of a batch holds yet, in the order of their moments."""
    table, part = stream_segment.c, batch_part.c
    is_part = (part.batch_id == sealed_segment.c.batch_id, part.part == sealed_segment.c.part, part.kind == "features")
    in_part = exists().where(sealed_segment.c.segment_id == table.segment_id, *is_part)
    order: list[Any] = [table.as_of, table.segment_id]
    of_them = (table.use_case == use_case, table.as_of > after, ~in_part)
    return facts.every(source, Segment, stream_segment, *of_them, order_by=order)


def count_unsealed(source: Ledger | Connection, use_case: str) -> int:
    """How many decisions are in no batch yet."""
    table = stream_segment.c
    is_sealed = exists().where(sealed_segment.c.segment_id == table.segment_id)
    statement = select(func.coalesce(func.sum(table.rows), 0)).where(table.use_case == use_case, ~is_sealed)
    with facts.reading(source) as connection:
        return int(connection.execute(statement).scalar_one())


def take_turn_to_seal(connection: Connection, use_case: str) -> None:
    """Let whoever else seals this use case commit first."""
    take_lock(connection, "seal", use_case)


def first_unsealed(source: Ledger | Connection, use_case: str) -> datetime | None:
    """The moment of the first segment that is in no batch yet; None where all are."""
    table = stream_segment.c
    is_sealed = exists().where(sealed_segment.c.segment_id == table.segment_id)
    oldest = select(func.min(table.as_of)).where(table.use_case == use_case, ~is_sealed)
    with facts.reading(source) as connection:
        return connection.execute(oldest).scalar()


def first_segment_since(source: Ledger | Connection, use_case: str, since: datetime) -> Segment | None:
    """The first segment as of a moment or later; None where there is none."""
    table = stream_segment.c
    statement = select(*facts.columns_of(Segment, stream_segment)).where(
        table.use_case == use_case, table.as_of >= since
    )
    found = facts.as_facts(source, Segment, statement.order_by(table.as_of, table.segment_id).limit(1))
    return found[0] if found else None


def last_segments(source: Ledger | Connection, use_case: str, rows: int) -> tuple[Segment, ...]:
    """The newest segments that have so many ``rows`` together, or all, the newest first."""
    table = stream_segment.c
    sizes = select(table.segment_id, table.rows).where(table.use_case == use_case)
    with facts.reading(source) as connection:
        newest = connection.execute(sizes.order_by(table.as_of.desc(), table.segment_id).limit(rows)).all()
        wanted: list[str] = []
        for segment_id, size in newest:
            if rows <= 0:
                break
            wanted.append(segment_id)
            rows -= size
        order: list[Any] = [table.as_of.desc(), table.segment_id]
        found: list[Segment] = []
        for start in range(0, len(wanted), _CHUNK):
            some = table.segment_id.in_(wanted[start : start + _CHUNK])
            found += facts.every(connection, Segment, stream_segment, some, order_by=order)
    return tuple(found)


def minutes_of(moment: datetime, minutes: float) -> int:
    """The number of the stretch of so many minutes that a moment lies in."""
    return int(moment.timestamp() // (60 * minutes))


def sealed_batches(source: Ledger | Connection, use_case: str) -> frozenset[str]:
    """Ids of the batches that were sealed from a stream."""
    statement = select(sealed_segment.c.batch_id).join(batch, batch.c.batch_id == sealed_segment.c.batch_id)
    with facts.reading(source) as connection:
        return frozenset(connection.execute(statement.where(batch.c.use_case == use_case).distinct()).scalars())
