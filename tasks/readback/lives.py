"""The lives of a release: each begins when it comes to decide, or to stand beside who does, and was elsewhere before.

What is measured of a release since it began is measured since this life of it began: rules that were stopped and have
come back are not stopped again by what they lost before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decisionloop.ledger.batches import Batch, Scalar, latest_details
from decisionloop.ledger.deciders import Decider, deciders_before
from decisionloop.ledger.releases import ReleaseEvent, release_events
from decisionloop.ledger.storage.engine import Ledger

_IN_PLACE = ("champion", "baseline")


def life_began(events: Sequence[ReleaseEvent], seq: int | None) -> int:
    """The number of the event with which the life began in which a release stood at ``seq``; 0 where none is known.

    ``seq`` None, as in batches of an earlier version, which did not say: its first life.
    """
    began = [one.seq for one in events if one.stage in _IN_PLACE and one.stage_before not in _IN_PLACE]
    return max((one for one in began if seq is not None and one <= seq), default=min(began, default=0))


def scored_at(ledger: Ledger, batches: Sequence[Batch]) -> list[int | None]:
    """Up to which event of the releases each batch was scored; None where that is not known."""
    return [_seq(detail) for detail in latest_details(ledger, [one.batch_id for one in batches], "scored")]


@dataclass(frozen=True)
class DecidedBefore:
    """The batches decided before one, oldest first: ``every`` one, and a release's ``own`` of its life at that time."""

    every: tuple[Decider, ...]
    own: tuple[Decider, ...]


def decided_before(ledger: Ledger, release_id: str, batch: Batch) -> DecidedBefore:
    """What was decided before a batch, and by a release in the life in which it was to decide this one."""
    events, every = release_events(ledger, release_id), deciders_before(ledger, batch.use_case, batch.as_of)
    (now,) = scored_at(ledger, [batch])
    own = [one for one in every if one.release_id == release_id]
    began = {seq: life_began(events, seq) for seq in {now, *(one.release_seq for one in own)}}
    return DecidedBefore(every, tuple(one for one in own if began[one.release_seq] == began[now]))


def _seq(detail: Mapping[str, Scalar]) -> int | None:
    seq = detail.get("release_seq")
    return seq if isinstance(seq, int) else None
