"""Who of those that are due has been decided before: a due occurrence is decided once.

A batch decides everyone who fell due in its span, so an occurrence is told by the entity and by the spans of the
batches that hold it: what an entity is still due for is what of a span no batch that holds it has covered. The
source itself says whether the entity fell due there, so that it makes no difference whether it has a column of due
times or only a `due` of its own. A batch's span is (as-of less `covers_days`, as-of], never the outcome's window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MOMENT = timedelta(microseconds=1)
"""Times are kept to the microsecond."""


@dataclass(frozen=True, order=True)
class Span:
    """The times ``after`` < time <= ``until``, both timezone-aware."""

    after: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.after

    @property
    def days(self) -> float:
        """Its length as a source is asked for it: half a microsecond short, so that rounding never lets more in."""
        return (self.length / MOMENT - 0.5) / (timedelta(days=1) / MOMENT)

    def overlaps(self, other: Span) -> bool:
        """Whether any time is in both."""
        return self.after < other.until and other.after < self.until

    def less(self, covered: Iterable[Span]) -> tuple[Span, ...]:
        """What is left of it, in order, without what the others cover."""
        left = [self]
        for one in covered:
            left = [part for whole in left for part in _without(whole, one)]
        return tuple(left)


def _without(whole: Span, covered: Span) -> list[Span]:
    if not whole.overlaps(covered):
        return [whole]
    ends = (Span(whole.after, covered.after), Span(covered.until, whole.until))
    return [part for part in ends if part.after < part.until]


def length_of(spans: Iterable[Span]) -> timedelta:
    """How long some spans that do not overlap are together."""
    return sum((one.length for one in spans), timedelta())


@dataclass(frozen=True, eq=False)
class HeldBatch:
    """A batch that has decided, for good, everyone of ``entities`` (ids as text) who fell due in ``span``."""

    batch_id: str
    span: Span
    entities: pd.Series


Ask = Callable[[Span], pd.Series]
"""Asks the source who fell due in a span; ids as text."""


@dataclass(frozen=True, eq=False)
class DueSplit:
    """Those who are due, ids as the source gave them: who is ``left`` to decide, and how many each batch decided."""

    left: pd.Series
    decided_in: tuple[tuple[str, int], ...]

    @property
    def decided_before(self) -> int:
        """How many were decided before."""
        return sum(count for _, count in self.decided_in)


def split_due(due: pd.Series, span: Span, held: Sequence[HeldBatch], ask: Ask) -> DueSplit:
    """Split those who fell due in ``span`` into who is left to decide and who was decided before, and in which batch.

    Args:
        due: entity ids as text; one that is listed twice stays listed twice.
        held: batches whose spans overlap it; of several that hold an entity the last is the one named.
            Those of one name are counted together.
        ask: is called for what no batch has covered, where a batch holds some of those who are due.

    Where the source is vague (:func:`is_vague`), who was decided for half of the span or more was decided.
    """
    is_held = np.column_stack([_is_among(due, one.entities) for one in held]) if held else np.empty((len(due), 0), bool)
    is_done = np.zeros(len(due), dtype=bool)
    if is_held.any():
        is_all_or_none = is_vague(due, span, ask)
        for holders in np.unique(is_held[is_held.any(axis=1)], axis=0):
            rows = np.flatnonzero((is_held == holders).all(axis=1))
            left = span.less(one.span for one, is_holder in zip(held, holders, strict=True) if is_holder)
            is_done[rows] = _are_done(due.iloc[rows], span, left, ask, is_all_or_none)
    last = is_held.shape[1] - 1 - is_held[:, ::-1].argmax(axis=1) if held else np.zeros(len(due), dtype=int)
    counts: Counter[str] = Counter()
    for number, one in enumerate(held):
        counts[one.batch_id] += int((is_done & (last == number)).sum())
    return DueSplit(due[~is_done] if is_done.any() else due, tuple(one for one in counts.items() if one[1]))


def is_vague(due: pd.Series, span: Span, ask: Ask) -> bool:
    """Whether a source takes no notice of the span that it is asked for.

    It then names the same people, ``due``, even for the microsecond after it, and cannot say when somebody fell due.
    """
    return len(due) > 0 and bool(_is_among(due, ask(Span(span.until, span.until + MOMENT))).all())


def _are_done(due: pd.Series, span: Span, left: Sequence[Span], ask: Ask, is_all_or_none: bool) -> np.ndarray:
    """Which of those that the same batches hold have nothing left that they would be due for, bool (n,)."""
    if list(left) == [span]:
        return np.zeros(len(due), dtype=bool)
    if is_all_or_none:
        return np.full(len(due), 2 * length_of(left) <= span.length)
    is_due_again = np.zeros(len(due), dtype=bool)
    for part in left:
        is_due_again |= _is_among(due, ask(part))
    return ~is_due_again


def _is_among(ids: pd.Series, others: pd.Series) -> np.ndarray:
    """Which of ``ids`` are in ``others``, bool (n,)."""
    # Arrow looks text up thirty times faster than Series.isin does.
    found = pc.is_in(pa.array(ids, pa.large_string()), value_set=pa.array(others, pa.large_string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
