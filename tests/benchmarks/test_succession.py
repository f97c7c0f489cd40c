"""A year in which nobody had learnt from the changed world counts as none in time."""

from __future__ import annotations

from benchmarks.succession import Changed, figures


def test_who_came_late_and_who_never_came_were_not_in_time():
    years = [Changed(2, 10.0, 100.0), Changed(3, -5.0, 100.0), Changed(4, 0.0, 100.0), Changed(None, 1.0, 50.0)]
    in_time, cohorts, money = figures(years)
    assert (in_time.number, in_time.is_met) == (0.5, False)
    assert (cohorts.value.low, cohorts.number, cohorts.value.high, cohorts.note) == (2, 3, 4, "3 had one")
    assert (money.value.low, money.value.high) == (-0.05, 0.1)


def test_where_nobody_ever_succeeded_there_is_no_time_to_tell():
    _, cohorts, _ = figures([Changed(None, 1.0, 50.0)])
    assert cohorts.value is None
