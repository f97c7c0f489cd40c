"""The simulated years know of late outcomes what the loop knows: what has become of what earlier weeks missed."""

from __future__ import annotations

import numpy as np

from benchmarks.monitor_years.late import PastWeek, late_arrivals_in
from benchmarks.monitor_years.worlds import bench

N, MATURE = 2_000, 28.0


def past(week: int, seed: int) -> PastWeek:
    """Everybody is offered nothing; a fifth of the outcomes come in the week after maturity, all of them as yes."""
    chance = np.random.default_rng(seed)
    is_late = chance.random(N) < 0.2
    days = np.where(is_late, MATURE + chance.uniform(1, 6, N), 10.0)
    none = np.zeros(N, dtype=np.int64)
    return PastWeek(week, none, np.full(N, 0.5), days, is_late.astype(np.float64), np.ones(N))


def test_what_earlier_weeks_missed_says_what_comes_late():
    use_case = bench().use_case
    weeks = [past(week, week) for week in range(6)]
    late = late_arrivals_in(use_case, weeks, 6, MATURE)
    assert late.cohorts == 6
    assert late.is_known[0]
    assert not late.is_known[1:].any()
    (cell,) = late.cell(np.zeros(1, dtype=np.int64), np.full(1, 0.5), np.ones(1))
    comes_as_no, comes_as_yes, *_ = late.share[cell]
    assert comes_as_yes > 0.9
    assert comes_as_no == 0
    assert late_arrivals_in(use_case, weeks, 2, MATURE).cohorts == 0  # two cohorts say nothing, later ones are unknown


def test_what_has_not_come_by_then_is_not_known_yet():
    week = past(0, 1)
    told = week.missing_at(bench().use_case, MATURE, 3.0)
    assert len(told.action) == int((week.arrival_days > MATURE).sum())
    assert told.decided.tolist() == [N, *[0.0] * (len(bench().use_case.actions) - 1)]
    has_come = ~np.isnan(told.days)
    assert 0 < has_come.sum() < len(told.days)
    assert (told.days[has_come] <= 3.0).all()
    assert np.array_equal(has_come, ~np.isnan(told.outcome))
