"""A replay runs when the contract's schedule says, and decides every recorded case that its batches cover."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def files(moments: list[str], clients: list[str] | None = None) -> dict[str, str | pd.DataFrame]:
    clients = clients or [str(i) for i in range(len(moments))]
    frame = pd.DataFrame({"client": clients, "known_at": moments, "spend": 1})
    frame = frame.assign(due_at=moments, decided_at=moments, seen_at="2027-01-01", bought=1)
    return {"history.csv": frame, "due.csv": frame, "outcomes.csv": frame}


def test_the_due_times_of_the_schedule_are_the_calendar(opened, full_information, at):
    days = ["2005-05-01", "2005-05-08", "2005-05-15", "2005-05-22", "2005-06-01"]
    source = opened(full_information, files(days + days[:2]), schedule={"cron": "0 0 1,8,15,22 * *", "covers_days": 7})
    assert source.calendar() == tuple(at(day) for day in days)


def test_cases_at_any_moment_wait_for_the_next_due_time(opened, full_information, at):
    moments = ["2026-01-01T15:00", "2026-01-03T09:00", "2026-01-08T23:59", "2026-01-30T00:00"]
    source = opened(full_information, files(moments))
    # Thursdays at midnight; the two without anybody are left out.
    assert source.calendar() == (at("2026-01-08"), at("2026-01-15"), at("2026-02-05"))


def test_months_are_not_merged_however_long_they_are(opened, full_information, at):
    months = [f"2026-{month:02d}-01" for month in range(1, 13)]
    schedule = {"cron": "0 6 1 * *", "covers_days": 31}
    source = opened(full_information, files(months, ["same"] * 12), schedule=schedule)
    assert source.calendar() == tuple(at(f"{month}T06:00") for month in months)
    assert len(source.hidden_truth()) == 12


def test_the_schedule_has_its_own_clock(opened, full_information, at):
    moments = ["2026-03-27T12:00", "2026-03-30T12:00"]  # clocks go forward in between
    schedule = {"cron": "0 6 * * *", "covers_days": 1, "timezone": "Europe/Berlin"}
    source = opened(full_information, files(moments), schedule=schedule)
    assert source.calendar() == (at("2026-03-28T05:00"), at("2026-03-31T04:00"))


def test_whoever_no_batch_covers_is_not_decided(opened, full_information, at):
    days = [f"2026-01-{day:02d}" for day in range(1, 29)]
    source = opened(full_information, files(days), schedule={"cron": "0 0 * * 4", "covers_days": 2})
    assert source.calendar() == tuple(at(f"2026-01-{day:02d}") for day in (1, 8, 15, 22, 29))
    assert len(source.hidden_truth()) == 1 + 2 * 3 + 1


@pytest.mark.parametrize(
    ("cron", "covers_days"), [("0 */6 * * *", 0.25), ("0 5 * * *", 1), ("0 6 * * 1", 7), ("0 0 1 * *", 31)]
)
@given(minutes=st.lists(st.integers(0, 60 * 24 * 60), min_size=1, max_size=12, unique=True))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_case_is_decided_once_where_batches_touch(opened, full_information, cron, covers_days, minutes):
    start = pd.Timestamp("2026-03-02")
    moments = [(start + pd.Timedelta(minutes=minute)).isoformat() for minute in minutes]
    source = opened(full_information, files(moments), schedule={"cron": cron, "covers_days": covers_days})
    everyone = {str(i) for i in range(len(moments))}
    decided = [one for moment in source.calendar() for one in source.due(moment, covers_days)["client"]]
    assert set(decided) == everyone
    assert all(len(source.due(moment, covers_days)) for moment in source.calendar())
    truth = source.hidden_truth()
    assert sorted(truth["entity_id"]) == sorted(everyone)
    if covers_days < 31:  # a month of 30 days is shorter than that, so its batch covers a day of the one before
        assert len(decided) == len(everyone)
        at_turn = [set(truth.loc[truth["as_of"] == moment, "entity_id"]) for moment in source.calendar()]
        assert at_turn == [set(source.due(moment, covers_days)["client"]) for moment in source.calendar()]
