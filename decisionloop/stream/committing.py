"""Keeping what was decided before anybody is told of it, and only while it holds."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

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


def commit(desk: Desk, decided: Decided, requests: Sequence[StreamRequest]) -> str:
    """Keep a segment on disk, in one transaction during which nobody turns the switch; returns its id.

    ``requests``: those of it with an idempotency key, with their answers. Raises Overtaken or KnownAlready, and keeps
    nothing, where it does not hold.
    """
    name, ids = desk.use_case.name, decided.scores["decision_id"].to_pylist()
    segment = Segment(
        segment_id=uuid4().hex,
        use_case=name,
        as_of=decided.as_of,
        rows=len(ids),
        deciders=decided.signed.to_json(),
        record=record_text(decided),
        decided_at=utc_now(),
    )
    with steady_switch(desk.workspace.ledger, name) as connection:
        if not still_decide(connection, name, decided.signed):
            raise Overtaken
        if decided.charge is not None and not may_charge(connection, desk.use_case, decided.charge):
            raise Overtaken
        append_segment(connection, segment, ids, requests)
        if decided.charge is not None:
            keep_charge(connection, desk.use_case, segment.segment_id, decided.charge)
    return segment.segment_id
