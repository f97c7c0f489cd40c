"""What becomes of a year's challengers under the gate that is, and under the two looks that were before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.gate_years.world import A_MONTH, BEFORE, MATURITY, WEEKS, Year
from decisionloop.learn.comparison import Comparison
from decisionloop.learn.yearly_error import Staked, next_stake
from decisionloop.observe.betting import Bets, RowsAt
from decisionloop.observe.off_policy import difference
from decisionloop.observe.overlap import OverlapRules, judge_overlap
from decisionloop.observe.paired_gains import GainRows, gain_rows

FIRST_LOOK, FINAL_LOOK, IN_SHADOW, LONGEST = 0.6, 0.9, 3, 26
"""Confidence of the two looks that were, weeks in shadow between them, cohorts after which is refused today."""
LENIENT = OverlapRules(minimum_effective_n=20.0, maximum_weight_share=0.2)
"""So little is asked of the log that looks answer early: what errs here errs less often in a use case."""
TAUGHT_BY = 8
"""Weeks of log that teach a challenger, and that the first look and the bets are taken on."""
_START = datetime(2024, 1, 1, tzinfo=UTC)

Promoted = dict[int, int]
"""By month of training: weeks from there to the promotion of its challenger; those that were not are not in it."""


def passes(year: Year, month: int, first: int, last: int, confidence: float) -> bool | None:
    """Whether one look at the weeks ``first`` to ``last`` - 1 finds that a challenger earns more; None: cannot say."""
    rows = year.weeks(first, last)
    told = difference(year.logged.subset(rows), *year.policies(month, rows), "dr", 2 * confidence - 1)
    if not judge_overlap(told.overlap, LENIENT).is_sufficient or told.money.low is None:
        return None
    return told.money.low > 0


def trained_at(month: int) -> int:
    """The week of the log in which a month's challenger is trained."""
    return BEFORE + month * A_MONTH


def taught_by(month: int) -> tuple[int, int]:
    """The weeks, the last not included, that taught it: mature when it was trained."""
    return trained_at(month) - MATURITY - TAUGHT_BY, trained_at(month) - MATURITY


def into_shadow(year: Year) -> list[int]:
    """The months whose challengers pass the first look, on what is mature when they are trained."""
    months = range(len(year.challengers))
    return [one for one in months if passes(year, one, *taught_by(one), FIRST_LOOK)]


def two_looks(year: Year, months: list[int]) -> Promoted:
    """One final look after some weeks in shadow, at 90 % each."""
    promoted = {}
    for month in months:
        at = trained_at(month)
        for now in range(at + IN_SHADOW, BEFORE + WEEKS + 1):
            answer = passes(year, month, at - MATURITY, now - MATURITY + 1, FINAL_LOOK)
            if answer is not None:
                promoted |= {month: now - at} if answer else {}
                break
    return promoted


def accumulated(year: Year, months: list[int], yearly_error: float) -> Promoted:
    """Looked at after every mature cohort, the error of the year spent on one after another."""
    opened: dict[int, _Open] = {}
    ended: dict[int, bool] = {}
    promoted: Promoted = {}
    for now in range(BEFORE, BEFORE + WEEKS + 1):
        for month in [one for one in opened if one not in ended]:
            cohorts = now - trained_at(month)
            if opened[month].is_proven(cohorts * year.world.n):
                promoted[month], ended[month] = cohorts, True
            elif cohorts >= LONGEST:
                ended[month] = False
        for month in [one for one in months if trained_at(one) == now]:
            opened[month] = _opened(
                year, month, yearly_error, [(one, ended.get(of, False)) for of, one in opened.items()]
            )
    return promoted


@dataclass(frozen=True, eq=False)
class _Open:
    """A comparison, and the rows that will come to count."""

    comparison: Comparison
    rows: GainRows | None

    def is_proven(self, decisions: int) -> bool:
        """Whether the first so many of the rows prove that the challenger earns more."""
        bets = self.comparison.bets
        if self.rows is None or bets is None:
            return False
        parts = {name: getattr(self.rows, name)[:decisions] for name in ("base", "drawn", "hurts", "group")}
        first = replace(self.rows, **parts)
        return bets.capital(first.within(bets.limit), 0.0) >= 1 / self.comparison.stake


def _opened(year: Year, month: int, yearly_error: float, before: list[tuple[_Open, bool]]) -> _Open:
    now = trained_at(month)
    at = _START + timedelta(weeks=now - BEFORE)
    staked = [
        Staked(datetime.fromisoformat(one.comparison.opened_at), one.comparison.stake, is_promoted)
        for one, is_promoted in before
    ]
    bets = Bets.known_before(_rows(year, month, *taught_by(month)))
    comparison = Comparison(at.isoformat(), next_stake(yearly_error, staked, at), bets)
    rows = None if bets is None else _rows(year, month, now - MATURITY, BEFORE + WEEKS)(bets.caution)
    return _Open(comparison, rows)


def _rows(year: Year, month: int, first: int, last: int) -> RowsAt:
    rows = year.weeks(first, last)
    challenger, champion = year.policies(month, rows)
    logged = year.logged.subset(rows)
    return lambda caution: gain_rows(logged, challenger - champion, np.arange(len(rows)), caution)
