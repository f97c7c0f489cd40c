"""Which segments of a stream become which part of which batch: settled for good in one transaction."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import batch_id_of, find_batch, open_batch
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import Segment, minutes_of, take_turn_to_seal, unsealed_segments
from decisionloop.ledger.watching_periods import gathering, say_gathered, seal_into
from decisionloop.predict.due import MOMENT
from decisionloop.schedule import last_due_time
from decisionloop.stream.deciders import Signed
from decisionloop.stream.periods import WatchingPeriod, online_of, watching_period
from decisionloop.workspace import Workspace


def claim_segments(workspace: Workspace, is_all: bool, is_over: bool) -> None:
    """Give every segment that is not in a batch yet to that of its watching period, and end the periods that are over.

    A batch holds what the same deciders decided in one period. While `online.sealed_every_minutes` have not passed
    segments wait for more, unless ``is_all``. ``is_over``: every period ends now, whatever the clock says.
    """
    online, name, now = online_of(workspace.use_case), workspace.use_case.name, utc_now()
    minutes = online.sealed_every_minutes

    def ends(period: WatchingPeriod) -> bool:
        return is_over or period.is_over(online, now)

    with workspace.ledger.begin() as connection:
        take_turn_to_seal(connection, name)
        open_batches = {watching_period(online, one.first): one for one in gathering(connection, name)}
        over = {period for period in open_batches if ends(period)}
        waiting = [
            one
            for one in unsealed_segments(connection, name)
            if is_all or minutes_of(one.as_of, minutes) < minutes_of(now, minutes) or ends(watching_period(online, one))
        ]
        by_period = sorted(waiting, key=lambda one: watching_period(online, one))
        batches = {period: one.batch_id for period, one in open_batches.items()}
        for period, group in itertools.groupby(by_period, lambda one: watching_period(online, one)):
            segments, before = list(group), open_batches.get(period)
            batches[period] = _open(connection, workspace.use_case, segments[0]) if before is None else before.batch_id
            part, place = (0, 0) if before is None else (1 + before.last_part, before.segments)
            for rows in _cut(segments, workspace.settings.partition_rows):
                seal_into(connection, batches[period], part, rows, place)
                part, place = part + 1, place + len(rows)
            if ends(period):
                over.add(period)
        for period in sorted(over):
            say_gathered(connection, batches[period])


def _cut(segments: Sequence[Segment], partition_rows: int) -> Iterator[list[Segment]]:
    """Segments by parts of about ``partition_rows``; a segment stays in one part."""
    waiting: list[Segment] = []
    for one in segments:
        waiting.append(one)
        if sum(other.rows for other in waiting) >= partition_rows:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _open(connection: Connection, use_case: UseCase, first: Segment) -> str:
    """A batch as of its first decision; returns its id."""
    signed = Signed.from_json(first.deciders)
    as_of = _free_moment(connection, use_case, first.as_of)
    opened = open_batch(connection, first.use_case, as_of, signed.contract_digest, code_digest=signed.code_digest)
    return opened.batch_id


def _free_moment(connection: Connection, use_case: UseCase, as_of: datetime) -> datetime:
    """The first moment from ``as_of`` at which there is no batch yet, and will be none of the schedule.

    Who asks as of midnight, when a batch is due, must not take its place.
    """
    moment = as_of + MOMENT if _is_of_schedule(use_case, as_of) else as_of
    while find_batch(connection, batch_id_of(use_case.name, moment)) is not None:
        moment += MOMENT
    return moment


def _is_of_schedule(use_case: UseCase, moment: datetime) -> bool:
    """Whether a batch is due then; a replay has its own calendar, and no batch that comes by itself."""
    is_replayed = use_case.source.kind.endswith("_replay")
    return not is_replayed and last_due_time(use_case.schedule, moment) == moment
