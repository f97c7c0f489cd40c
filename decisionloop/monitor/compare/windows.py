"""Several batches judged as one: small groups and small steady changes are seen in the sum of many batches.

A window is made anew at every batch from what the ledger keeps of each: counts, and a sketch of who was in it. No row
is read a second time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from decisionloop.act.hashing import stable_hash
from decisionloop.monitor.alarm.finding import Finding

WINDOWS = (4, 13, 52)
"""Batches that are judged together besides the one at hand: of weekly ones a month, a quarter and a year."""
SKETCH_SIZE = 512
"""Hashes that a sketch keeps: it tells the number of entities to within 5 %, and exactly up to so many."""
_CONTEXT, _DROPPED_BITS = ("entities in a window",), 16
_HASHES = 2 ** (64 - _DROPPED_BITS)


@dataclass(frozen=True)
class EntitySketch:
    """How many ``rows`` a batch had, and the ``lowest`` hashes of its entities (ascending, at most SKETCH_SIZE).

    The k lowest values of a hash tell how many different ones there were, also of the sum of two sketches (Bar-Yossef
    et al. 2002; Beyer et al. 2007).
    """

    rows: int
    lowest: tuple[int, ...]

    @classmethod
    def of(cls, entities: pd.Series) -> EntitySketch:
        """Of the entity ids of n decisions."""
        hashes = stable_hash(entities, _CONTEXT) >> np.uint64(_DROPPED_BITS)
        return cls(len(entities), tuple(_lowest(hashes).tolist()))

    def __add__(self, other: EntitySketch) -> EntitySketch:
        """Both together."""
        either = sorted({*self.lowest, *other.lowest})[:SKETCH_SIZE]
        return EntitySketch(self.rows + other.rows, tuple(either))

    @cached_property
    def repetition(self) -> float:
        """How often an entity was decided on average, at least 1."""
        if len(self.lowest) < SKETCH_SIZE:
            return self.rows / max(1, len(self.lowest))
        distinct = (SKETCH_SIZE - 1) / (self.lowest[-1] / _HASHES)
        return max(1.0, self.rows / distinct)

    def to_json(self) -> str:
        """Compact text that ``from_json`` reads back equal."""
        return json.dumps([self.rows, " ".join(f"{one:x}" for one in self.lowest)])

    @classmethod
    def from_json(cls, text: str) -> EntitySketch:
        """What ``to_json`` wrote."""
        rows, lowest = json.loads(text)
        return cls(rows, tuple(int(one, 16) for one in lowest.split()))


def _lowest(hashes: np.ndarray) -> np.ndarray:
    """The lowest different ``hashes``, ascending: among the lowest rows where these show enough, else among all."""
    rows = 4 * SKETCH_SIZE
    if len(hashes) > rows:
        lowest = np.unique(np.partition(hashes, rows)[:rows])
        if len(lowest) >= SKETCH_SIZE:
            return lowest[:SKETCH_SIZE]
    return np.unique(hashes)[:SKETCH_SIZE]


class Summed(Protocol):
    """Counts of a batch of which there is a sum."""

    def __add__(self: Counts, other: Counts, /) -> Counts:
        """Both together."""
        ...


Counts = TypeVar("Counts", bound=Summed)


@dataclass(frozen=True)
class Watched(Generic[Counts]):
    """A batch as windows need it."""

    counts: Counts
    entities: EntitySketch


@dataclass(frozen=True)
class Window(Generic[Counts]):
    """The last so many ``batches`` together, the one at hand among them.

    ``repetition``: how often an entity is in it on average. Where people return, what happens to them is no new
    evidence each time. At the worst it is the same each time, so that the rows count for ``repetition`` times less.
    """

    batches: int
    counts: Counts
    repetition: float = 1.0

    @property
    def words(self) -> str:
        """How a sentence about it begins; "" for the batch at hand."""
        return "" if self.batches == 1 else f"Over the last {self.batches} batches: "


def windows_of(now: Watched[Counts], earlier: Sequence[Watched[Counts]]) -> tuple[Window[Counts], ...]:
    """The batch at hand, and the windows that reach back further, the shortest first.

    ``earlier``: the batches before it that may be added to it, oldest first. Of a window that reaches beyond them the
    part is judged that is there.
    """
    lengths = sorted({min(length, len(earlier) + 1) for length in WINDOWS} - {1})
    return (Window(1, now.counts), *(window_of([*earlier[len(earlier) + 1 - length :], now]) for length in lengths))


def window_of(batches: Sequence[Watched[Counts]]) -> Window[Counts]:
    """These batches, at least one, as one."""
    counts: Counts = reduce(lambda one, other: one + other, (one.counts for one in batches))
    entities = reduce(lambda one, other: one + other, (one.entities for one in batches))
    return Window(len(batches), counts, entities.repetition)


def one_of_each(findings: Iterable[Finding], still_shows: Callable[[Finding], bool]) -> tuple[Finding, ...]:
    """One finding for each check: of the shortest window that is sure, or of the shortest that could be judged.

    What a long window is sure of must still show in all shorter ones (``still_shows``): or a change that is over would
    be an alarm until it has left the window.

    Args:
        findings: of every window, each check's in the order of their length.
    """
    by_check: dict[tuple[str, str, str], list[Finding]] = {}
    for one in findings:
        by_check.setdefault((one.monitor, one.slice, one.against), []).append(one)
    return tuple(_told(of_check, still_shows) for of_check in by_check.values())


def _told(windows: Sequence[Finding], still_shows: Callable[[Finding], bool]) -> Finding:
    for one in windows:
        if one.is_alarm:
            return one
        if one.figure.value is not None and not still_shows(one):
            break
    return windows[0]
