"""Keeping what was decided before anybody is told of it, and only while it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection

from decisionloop.contract import UseCase
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import Segment, StreamRequest, append_segment
from decisionloop.ledger.switch_lock import steady_switch
from decisionloop.stream.decide import Decided
from decisionloop.stream.deciders import still_decide
from decisionloop.stream.desk import Desk
from decisionloop.stream.record import record_text
from decisionloop.stream.spending import keep_charge, may_charge


class Overtaken(Exception):
    """The switch was turned, a release moved or a budget was spent since it was decided: decide again."""


class _Rehearsed(Exception):
    """Nothing is to be kept of it."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A segment, and the ids of its decisions."""

    decided: Decided
    segment: Segment
    ids: Sequence[str]


def commit(desk: Desk, decided: Sequence[Decided], requests: Sequence[StreamRequest]) -> str:
    """Keep segments on disk, in one transaction during which nobody turns the switch; returns the last one's id.

    ``requests``: those of them with an idempotency key, with their answers. Raises Overtaken or KnownAlready, and keeps
    nothing, where any of it does not hold.
    """
    parts = _parts(desk, decided)
    with steady_switch(desk.writer, desk.use_case.name) as connection:
        _keep(connection, desk.use_case, parts, requests)
    return parts[-1].segment.segment_id


def rehearse(desk: Desk, decided: Sequence[Decided]) -> None:
    """Do all of it but the commit, and take it back: whoever asks first then waits no longer than others."""
    parts = _parts(desk, decided)
    try:
        with steady_switch(desk.writer, desk.use_case.name) as connection:
            _keep(connection, desk.use_case, parts, [])
            raise _Rehearsed
    except _Rehearsed:
        return


def _parts(desk: Desk, decided: Sequence[Decided]) -> list[_Part]:
    """Segments in the order of what was decided, also of those as of one moment: who seals goes by their ids then."""
    together = uuid4().hex[:28]
    return [_part(desk, one, f"{together}{place:04x}") for place, one in enumerate(decided)]


def _part(desk: Desk, decided: Decided, segment_id: str) -> _Part:
    ids = decided.scores["decision_id"].to_pylist()
    segment = Segment(
        segment_id=segment_id,
        use_case=desk.use_case.name,
        as_of=decided.as_of,
        rows=len(ids),
        deciders=decided.signed.to_json(),
        record=record_text(decided),
        decided_at=utc_now(),
    )
    return _Part(decided, segment, ids)


def _keep(connection: Connection, use_case: UseCase, parts: Sequence[_Part], requests: Sequence[StreamRequest]) -> None:
    for place, one in enumerate(parts):
        if not still_decide(connection, use_case.name, one.decided.signed):
            raise Overtaken
        charge = one.decided.charge
        if charge is not None and not may_charge(connection, use_case, charge):
            raise Overtaken
        append_segment(connection, one.segment, one.ids, [] if place else requests)
        if charge is not None:
            keep_charge(connection, use_case, one.segment.segment_id, charge)
