"""A year in which nobody had learnt from the changed world counts as none in time; what giving way brings is told."""

from __future__ import annotations

from benchmarks.succession import Changed, figures
from benchmarks.succession_money import AfterChange
from decisionloop.learn.capture import Captured


def after(gain: float, rules: float = 100.0, giving_way: float = 0.0) -> AfterChange:
    """A loop that gained so much, beside a reference that gains 60: 40 of what is left lies in choices."""
    left = 60.0 - gain
    return AfterChange(Captured(rules + gain, rules, rules + 60.0, left - 40.0, 0.0, 0.0, 40.0), giving_way)


def test_who_came_late_and_who_never_came_were_not_in_time():
    years = [Changed(2, after(10)), Changed(3, after(-5)), Changed(4, after(0)), Changed(None, after(1, 50))]
    in_time, cohorts, money, *_ = figures(years)
    assert (in_time.number, in_time.is_met) == (0.5, False)
    assert (cohorts.value.low, cohorts.number, cohorts.value.high, cohorts.note) == (2, 3, 4, "3 had one")
    assert (money.value.low, money.value.high) == (-0.05, 0.1)


def test_where_nobody_ever_succeeded_there_is_no_time_to_tell():
    _, cohorts, *_ = figures([Changed(None, after(1, 50))])
    assert cohorts.value is None


def test_what_was_lost_stands_beside_what_giving_way_would_have_left_and_is_split():
    _, _, _, lost, *parts = figures([Changed(None, after(20, giving_way=15))])
    assert (lost.number, lost.beside_value.median) == (40, 25)
    assert sum(one.number for one in parts) == 40
    assert parts[0].name.endswith("lost by choices")
