"""The record of the monitors: exact bounds of rates, what counts as false, and how soon a true change was noticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.report.record.alarm_record import AlarmRecord, Rate, RecordedAlarm, WatchedTime, alarm_record
from decisionloop.sources.base import TrueChange

START = datetime(2024, 1, 1, tzinfo=UTC)
TURNS = tuple(START + timedelta(days=7 * week) for week in range(52))
BUDGET = AlarmBudget({"inputs": 0.5, "performance": 0.5}, 52.0)


def alarm(family: str, week: int, incident: str, of_week: int | None = None) -> RecordedAlarm:
    """An alarm raised in a week, about the cohort of the same or another week."""
    cohort = TURNS[week if of_week is None else of_week]
    return RecordedAlarm(family, incident, f"{cohort:%Y-%m-%d}", TURNS[week])


def change(week: int, *families: str, name: str = "drift") -> TrueChange:
    return TrueChange(name, pd.Timestamp(TURNS[week]), families, 1.5)


def record(alarms=(), closed=None, changes=None) -> AlarmRecord:  # type: ignore[no-untyped-def]
    watched = WatchedTime({"inputs": 520, "performance": 48}, alarms, closed or {}, TURNS, 7)
    return alarm_record(watched, BUDGET, changes)


def test_no_event_in_a_year_still_leaves_room_for_three():
    """The rule of three: -ln(0.05) = 2.9957."""
    assert Rate(0, 1.0).high == pytest.approx(2.99573, abs=1e-4)
    assert Rate(0, 1.0).low == 0.0
    assert Rate(3, 1.0).high == pytest.approx(7.75366, abs=1e-4)  # Garwood's table
    assert Rate(3, 2.0).high == pytest.approx(7.75366 / 2, abs=1e-4)
    assert (Rate(0, 0.0).value, Rate(0, 0.0).high, Rate(2, 0.0).low) == (None, None, None)


@pytest.mark.parametrize("truth", [0.3, 1.0, 4.0])
def test_the_bounds_hold_in_95_of_100_cases(truth: float):
    from scipy.stats import poisson

    counts = np.arange(60)
    chance = poisson.pmf(counts, truth * 2.0)
    is_covered = np.array([Rate(int(one), 2.0).high >= truth for one in counts])
    is_below = np.array([Rate(int(one), 2.0).low <= truth for one in counts])
    assert chance[is_covered].sum() >= 0.95 - 1e-9
    assert chance[is_below].sum() >= 0.95 - 1e-9


@given(st.integers(0, 50), st.floats(0.01, 100))
def test_the_bounds_enclose_the_rate(count: int, years: float):
    rate = Rate(count, years)
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low <= count / years <= rate.high


def test_without_truth_only_what_a_person_called_false_is_false():
    told = record(
        [alarm("inputs", 3, "a"), alarm("inputs", 4, "a"), alarm("inputs", 20, "b"), alarm("performance", 30, "c")],
        {"a": "False alarm: a holiday", "b": "the feed was repaired", "c": "falsely recorded"},
    )
    inputs, performance = told.families
    assert (inputs.alarms, inputs.incidents.count, inputs.false.count) == (3, 2, 1)
    assert performance.false.count == 1
    assert (told.total.checks, told.total.alarms, told.total.incidents.count) == (568, 4, 3)
    assert told.total.incidents.years == pytest.approx(52 * 7 / 365)
    assert not told.is_truth_known


def test_in_a_stationary_world_every_incident_is_false():
    told = record([alarm("inputs", 3, "a"), alarm("inputs", 9, "b")], {"a": "the feed was repaired"}, changes=())
    assert told.is_truth_known
    assert told.total.false.count == 2
    assert told.detections == ()


def test_false_is_what_was_raised_about_cohorts_before_the_change_and_only_that_time_counts():
    told = record([alarm("inputs", 3, "a"), alarm("inputs", 30, "b")], changes=[change(26, "inputs")])
    assert told.families[0].false.count == 1
    assert told.families[0].false.years == pytest.approx(26 * 7 / 365)
    assert told.families[0].incidents.count == 2


def test_an_alarm_after_the_change_about_a_cohort_before_it_is_false_and_no_detection():
    told = record([alarm("performance", 28, "a", of_week=24)], changes=[change(26, "performance")])
    assert told.total.false.count == 1
    (one,) = told.detections
    assert one.noticed_at is None
    assert told.first_notice("drift") is None


@pytest.mark.parametrize(("week", "batches"), [(26, 1), (28, 3)])
def test_the_delay_counts_the_first_changed_batch_as_1(week: int, batches: int):
    told = record([alarm("inputs", 3, "a"), alarm("inputs", week, "b")], changes=[change(26, "inputs", "performance")])
    noticed, missed = told.detections
    assert (noticed.family, noticed.incident_id, noticed.delay_batches) == ("inputs", "b", batches)
    assert noticed.delay_days == 7 * (week - 26)
    assert (missed.family, missed.noticed_at, missed.delay_days) == ("performance", None, None)
    assert told.first_notice("drift") == noticed


def test_an_incident_from_before_the_change_may_notice_it():
    """One incident stays open over the change: its alarms after it are what noticed."""
    told = record([alarm("inputs", 25, "a"), alarm("inputs", 26, "a")], changes=[change(26, "inputs")])
    assert told.detections[0].delay_batches == 1
    assert told.total.false.count == 1


@pytest.mark.parametrize(
    ("count", "years", "words"),
    [(0, 52 * 7, "surely within the budget"), (0, 1, "too early to tell"), (9, 1, "surely above the budget")],
)
def test_the_verdict_needs_the_bounds_not_the_count(count: int, years: int, words: str):
    turns = TURNS * years
    alarms = [alarm("inputs", week, f"i{week}") for week in range(count)]
    told = alarm_record(WatchedTime({"inputs": 1}, alarms, {}, turns, 7), BUDGET, ())
    assert told.families[0].verdict == words


def test_before_anything_was_watched_there_is_no_rate():
    told = alarm_record(WatchedTime({}, [], {}, (), 7), BUDGET, None)
    assert told.total.verdict == "nothing was watched yet"
    assert told.total.incidents.value is None


def test_a_cohort_that_is_no_day_counts_from_when_it_was_told():
    one = RecordedAlarm("performance", "a", "2024-01", TURNS[8])
    assert one.day == TURNS[8].date()


def test_a_halted_batch_notices_a_change_before_any_monitor_saw_it():
    halts = (TURNS[5], TURNS[26], TURNS[27])
    told = alarm_record(WatchedTime({"inputs": 1}, [], {}, TURNS, 7, halts), BUDGET, [change(26, "inputs")])
    monitor, halt = told.detections
    assert monitor.noticed_at is None
    assert (halt.family, halt.delay_batches, halt.incident_id) == ("data quality", 1, "")
    assert told.first_notice("drift") == halt
    assert told.total.false.count == 0


def test_a_family_that_was_not_expected_to_notice_is_told_apart():
    told = record([alarm("inputs", 27, "a"), alarm("performance", 30, "b")], changes=[change(26, "performance")])
    assert [(one.family, one.is_expected) for one in told.detections] == [("performance", True), ("inputs", False)]
    first = told.first_notice("drift")
    assert first is not None
    assert first.family == "performance"
