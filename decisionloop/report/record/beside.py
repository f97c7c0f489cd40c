"""What stands beside the figures: caveats of them, and known events that fell into the time that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
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

    ``wording``: what it does to the figures, "" where the contract does not say.
    """

    name: str
    first: date
    last: date
    wording: str

    def covers(self, period: str) -> bool:
        """Whether it fell into a month ("2005-06") or onto a batch's day ("2005-06-08", with or without a time)."""
        try:
            begin = date.fromisoformat(f"{period}-01" if len(period) == 7 else period[:10])
        except ValueError:
            return False
        following = (begin.replace(day=28) + timedelta(days=4)).replace(day=1)
        end = following - timedelta(days=1) if len(period) == 7 else begin
        return self.first <= end and begin <= self.last
