"""Which segments of a stream become which batch: settled for good in one transaction, before anything is written."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from decisionloop.ledger.batches import batch_id_of, find_batch, open_batch
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import Segment, minutes_of, seal_into, take_turn_to_seal, unsealed_segments
from decisionloop.predict.due import MOMENT
from decisionloop.stream.deciders import Signed
from decisionloop.workspace import Workspace


def claim_segments(workspace: Workspace, is_all: bool) -> int:
    """Give every segment that is not in a batch yet to one; returns how many batches that makes.

    A batch holds what the same deciders decided within `online.sealed_every_minutes`; while these have not passed its
    segments wait for more, unless ``is_all``.
    """
    online, name = workspace.use_case.online, workspace.use_case.name
    minutes = 15.0 if online is None else online.sealed_every_minutes
    with workspace.ledger.begin() as connection:
        take_turn_to_seal(connection, name)
        waiting = unsealed_segments(connection, name)
        stretches = [one for one in _stretches(waiting, minutes) if is_all or _is_over(one, minutes)]
        for stretch in stretches:
            _claim(connection, stretch)
    return len(stretches)


def _stretches(segments: Sequence[Segment], minutes: float) -> list[list[Segment]]:
    """Segments of the same deciders and minutes together, each in the order of their moments."""

    def stretch(one: Segment) -> tuple[int, str]:
        return minutes_of(one.as_of, minutes), one.deciders

    return [list(group) for _, group in itertools.groupby(sorted(segments, key=stretch), stretch)]


def _is_over(stretch: Sequence[Segment], minutes: float) -> bool:
    return minutes_of(stretch[0].as_of, minutes) < minutes_of(utc_now(), minutes)


def _claim(connection: Connection, stretch: Sequence[Segment]) -> None:
    """A batch is as of its first decision, so that no outcome of it can come before it."""
    first = stretch[0]
    signed = Signed.from_json(first.deciders)
    as_of = _free_moment(connection, first.use_case, first.as_of)
    opened = open_batch(connection, first.use_case, as_of, signed.contract_digest, code_digest=signed.code_digest)
    seal_into(connection, opened.batch_id, stretch)


def _free_moment(connection: Connection, use_case: str, as_of: datetime) -> datetime:
    """The first moment from ``as_of`` at which there is no batch yet."""
    moment = as_of
    while find_batch(connection, batch_id_of(use_case, moment)) is not None:
        moment += MOMENT
    return moment
