"""What stands beside the figures: caveats of them, and known events that fell into the time that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

Subject = Literal["money", "rates", "actions", "promises", "impact", "monitors"]
"""The kinds of figures that a caveat may be about; each is a section of the page."""


@dataclass(frozen=True)
class Caveat:
    """What must be known before some figures are believed, in one sentence.

    ``is_grave``: a figure may be far from what it seems, or turn round, so that the headline says it, too.
    """

    about: tuple[Subject, ...]
    words: str
    is_grave: bool = False


@dataclass(frozen=True)
class KnownEvent:
    """Something that everybody knew of (a campaign, a holiday, a price change), from its first to its last day.

    ``wording``: what it does to the figures, "" where the contract does not say. ``batch_days``: of the contract's
    schedule, so many days up to its as-of does a batch cover, as it does in every alarm.
    """

    name: str
    first: date
    last: date
    wording: str
    batch_days: float

    def covers(self, column: str) -> bool:
        """Whether it fell into a month ("2005-06") or into what a batch covers ("2005-06-08", or with a time)."""
        try:
            begin, end = self._days_of(column)
        except ValueError:
            return False
        return self.first <= end and begin <= self.last

    def _days_of(self, column: str) -> tuple[date, date]:
        """The first and the last day that a column of a chart covers; raises ValueError where its name is no time."""
        if len(column) == 7:
            begin = date.fromisoformat(f"{column}-01")
            following = (begin.replace(day=28) + timedelta(days=4)).replace(day=1)
            return begin, following - timedelta(days=1)
        as_of = datetime.fromisoformat(column)
        return (as_of - timedelta(days=self.batch_days)).date(), as_of.date()
