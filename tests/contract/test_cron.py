"""Due times are those of the cron expression, on the schedule's own clock, told in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract.cron import cron_problem, due_times, due_times_until, gaps, last_due_time
from decisionloop.contract.operation import Schedule

WEEKLY = Schedule(cron="0 6 * * 1")
MONTHLY = Schedule(cron="0 0 1,8,15,22 * *")


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_they_begin_with_the_first_moment_itself():
    assert list(islice(due_times(WEEKLY, at(2024, 1, 8, 6)), 2)) == [at(2024, 1, 8, 6), at(2024, 1, 15, 6)]
    assert next(due_times(WEEKLY, at(2024, 1, 8, 6, 0, 0, 1))) == at(2024, 1, 15, 6)


def test_the_last_one_is_at_or_before_now():
    assert last_due_time(WEEKLY, at(2024, 1, 8, 6)) == at(2024, 1, 8, 6)
    assert last_due_time(WEEKLY, at(2024, 1, 8, 5, 59, 59, 999_999)) == at(2024, 1, 1, 6)


def test_a_change_of_clocks_moves_them():
    berlin = Schedule(cron="30 2 * * *", timezone="Europe/Berlin")
    assert list(islice(due_times(berlin, at(2024, 3, 30)), 3)) == [
        at(2024, 3, 30, 1, 30),
        at(2024, 3, 31, 1, 0),  # half past two does not exist on that day
        at(2024, 4, 1, 0, 30),
    ]


def test_the_gaps_of_a_month_differ():
    assert gaps(WEEKLY, at(2024, 1, 1)) == (timedelta(days=7), timedelta(days=7))
    assert gaps(MONTHLY, at(2024, 1, 1)) == (timedelta(days=7), timedelta(days=10))


@pytest.mark.parametrize(
    "cron", ["rm -rf /", "", "0 6 * *", "61 6 * * *", "0 0 30 2 *", "* * * * * *", "weekly please do it now", "@daily"]
)
def test_what_is_no_cron_expression_is_told(cron):
    assert cron_problem(cron)


@pytest.mark.parametrize("cron", ["0 6 * * 1", "*/15 * * * *", "0 0 L * *", "0 0 29 2 *", "0 0 * * MON-FRI"])
def test_what_is_one_has_no_problem(cron):
    assert cron_problem(cron) is None


@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)), st.sampled_from(["UTC", "Asia/Taipei"]))
def test_forwards_and_backwards_are_the_same_times(moment, timezone):
    schedule, moment = Schedule(cron="15 3 */2 * *", timezone=timezone), moment.replace(tzinfo=UTC)
    ahead = list(islice(due_times(schedule, moment), 5))
    assert ahead[0] >= moment
    assert list(islice(due_times_until(schedule, ahead[-1]), 5))[::-1] == ahead
