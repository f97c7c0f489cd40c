"""The due times of a schedule, and the as-ofs that a batch may have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract.operation import Schedule
from decisionloop.errors import UsageError
from decisionloop.predict.due import length_of
from decisionloop.schedule import checked_as_of, due_times, last_due_time, periods

MONDAYS = Schedule(cron="0 6 * * 1")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2024-01-08T06:00", "2024-01-08T06:00"),
        ("2024-01-08T06:00:00.000001", "2024-01-08T06:00"),
        ("2024-01-08T05:59:59.999999", "2024-01-01T06:00"),
        ("2024-01-14T23:00", "2024-01-08T06:00"),
    ],
)
def test_the_last_due_time_is_at_or_before_a_moment(at, due):
    assert last_due_time(MONDAYS, utc(at)) == utc(due)


def test_due_times_are_those_of_the_schedules_own_time_zone():
    mornings = Schedule(cron="30 2 * * *", timezone="Europe/Berlin")
    told = due_times(mornings, utc("2024-03-29T12:00"), utc("2024-04-01T12:00"))
    # On the last day of March there is no half past two: the clock goes from two to three.
    assert told == (utc("2024-03-30T01:30"), utc("2024-03-31T01:00"), utc("2024-04-01T00:30"))
    in_autumn = due_times(mornings, utc("2024-10-26T12:00"), utc("2024-10-28T12:00"))
    assert in_autumn == (utc("2024-10-27T00:30"), utc("2024-10-28T01:30"))  # twice half past two, and one batch


@given(
    st.sampled_from(["0 6 * * 1", "*/20 3,17 * * *", "0 0 1 * *", "0 6 1,8,15,22 * *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Taipei", "America/New_York"]),
    st.datetimes(datetime(2023, 1, 1), datetime(2025, 1, 1)),
)
def test_going_back_and_going_forth_find_the_same_times(cron, timezone, moment):
    schedule, at = Schedule(cron=cron, timezone=timezone), moment.replace(tzinfo=UTC)
    times = due_times(schedule, at - timedelta(days=40), at)
    assert last_due_time(schedule, at) == times[-1] <= at
    assert list(times) == sorted({*times})


def test_periods_share_no_time_and_leave_out_what_no_batch_covers():
    first, second = periods(MONDAYS, utc("2024-01-01T06:00"), utc("2024-01-15T06:00"), 9)
    assert (first.after, first.until, second.until) == (
        utc("2024-01-01T06:00"), utc("2024-01-08T06:00"), utc("2024-01-15T06:00"),
    )  # fmt: skip
    assert first.until == second.after
    monthly = Schedule(cron="0 0 1 * *", covers_days=31)
    told = periods(monthly, utc("2024-01-01"), utc("2024-04-01"), 9)
    assert length_of(told) == timedelta(days=31 + 29 + 31)
    sparse = Schedule(cron="0 0 1 * *", covers_days=7)
    assert [one.length for one in periods(sparse, utc("2024-01-01"), utc("2024-03-01"), 9)] == [timedelta(days=7)] * 2
    assert len(periods(MONDAYS, utc("2024-01-01"), utc("2024-06-01"), 3)) == 3


@pytest.mark.parametrize(
    "schedule",
    [Schedule(cron="rm -rf /"), Schedule(cron="0 0 31 2 *"), Schedule(cron="0 6 * * 1", timezone="Mars/Olympus")],
)
def test_a_schedule_that_names_no_time_is_refused_with_the_remedy(schedule):
    with pytest.raises(UsageError, match=r"schedule\.cron .* names no time: .*Write it as"):
        last_due_time(schedule, utc("2024-01-01"))


def test_an_as_of_that_is_still_to_come_is_refused_unless_it_is_allowed():
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(UsageError, match=r"still to come.*--allow-future"):
        checked_as_of(tomorrow)
    assert checked_as_of(tomorrow, is_future_allowed=True) == tomorrow
    assert checked_as_of(datetime.now(UTC)) <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59:59-01:00", "1600-01-01"])
def test_an_as_of_beyond_any_calendar_is_refused(text):
    with pytest.raises(UsageError, match="cannot be"):
        checked_as_of(datetime.fromisoformat(text), is_future_allowed=True)


def test_an_as_of_without_a_zone_is_utc():
    assert checked_as_of(datetime(2005, 5, 1)) == utc("2005-05-01")
    assert checked_as_of(datetime.fromisoformat("2005-05-01T02:00+02:00")) == utc("2005-05-01")
