"""How the error of a year is spent on its challengers, one after another.

The contract declares how likely it may be in a year that any release is promoted that earns no more than the champion
(`gate.yearly_error`). Each comparison of a challenger with a champion stakes a part of it when it is opened, before any
of its evidence is known, and errs with a chance of at most its stake (`observe.betting`); so all together err at most
as often as their stakes add up to. A stake is `SHARE` of what is free, so that there is always something left, and
they never add up to more than was declared. It is gone when its challenger is refused. A promotion hands it back: if it
was right nothing was lost, and if it was wrong the one error of the year has been made (the graphical procedures of
Bretz et al. 2009; online: Tian and Ramdas, "Online control of the familywise error rate", 2021). A year is that of the
calendar in UTC; a comparison belongs to the one in which it was opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

SHARE = 0.25


@dataclass(frozen=True)
class Staked:
    """What a comparison staked when it was opened, and whether it has ended in a promotion."""

    opened_at: datetime
    stake: float
    is_promoted: bool


def free_error(yearly_error: float, before: Iterable[Staked], at: datetime) -> float:
    """What is left of a year's error at ``at``, given every comparison that was opened by then."""
    spent = sum(one.stake for one in before if one.opened_at.year == at.year and not one.is_promoted)
    return max(0.0, yearly_error - spent)


def next_stake(yearly_error: float, before: Iterable[Staked], at: datetime) -> float:
    """What a comparison that is opened at ``at`` stakes."""
    return SHARE * free_error(yearly_error, before, at)
