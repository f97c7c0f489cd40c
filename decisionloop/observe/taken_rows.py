"""What the rows of one reading of outcomes were, row by row and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

from decisionloop.observe.matching import SILENT
from decisionloop.observe.refusals import Refusal

RowKind = Literal["first", "late", "duplicate", "contradictory", "executed", "unknown", "invalid", "after_window"]


@dataclass(frozen=True)
class TakenRow:
    """What one row is; ``why`` it was refused, "" where it was not."""

    kind: RowKind
    why: str = ""


@dataclass(frozen=True)
class IntakeCounts:
    """Every row read is matched, unknown, invalid or after the window; every matched one first, late, duplicate,
    contradictory or executed, which says first what was executed and nothing of an outcome.

    A row that is recorded already, to the time of its observation, is the same row read again and counts nowhere.
    """

    rows_read: int
    matched: int
    first: int
    late: int
    duplicate: int
    contradictory: int
    unknown: int
    invalid: int
    after_window: int
    executed: int = 0

    def __add__(self, other: IntakeCounts) -> IntakeCounts:
        return IntakeCounts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def refused_content(rows: Iterable[TakenRow]) -> dict[str, int]:
    """How many rows could not be read or cannot be, by why; what a silent action must not show is none of them."""
    return dict(Counter(one.why for one in rows if one.kind == "invalid" and one.why != SILENT))


def in_words(refusals: Iterable[Refusal]) -> list[str]:
    """What was wrong with the rows that were refused, without personal data."""
    return [f"{refusal.rows} {refusal.kind.replace('_', ' the ')}: {refusal.reason}" for refusal in refusals]
