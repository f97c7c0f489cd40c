"""Known events: named in the alarms about their days, whoever silences nothing by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.contract import parse_use_case
from decisionloop.contract.meaning import changes_of_meaning
from decisionloop.errors import ContractError
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.incidents import severity_of
from decisionloop.monitor.alarm.known_events import event_words, with_known_events
from decisionloop.observe.estimate import Estimate
from tests.monitor.watched import CONTRACT, watched

CAMPAIGN = {"name": "spring campaign", "from": "2026-03-02", "until": "2026-03-08", "wording": "half price"}
USE_CASE = watched(monitors={"known_events": [CAMPAIGN]})
RATIO = Estimate(0.5, 0.4, 0.6, 900, 900.0, 0.95)
ALARM = Finding(
    "impact", "adverse_impact", "sex=f", RATIO, 0.8, 0.7, "below", 1e-4, "Women are favoured less.", "Look."
)


def told(day: str, finding: Finding = ALARM, matured_days: int = 0) -> str:
    cohort = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return with_known_events(USE_CASE, [finding], cohort, cohort + timedelta(days=matured_days))[0].words


@pytest.mark.parametrize("day", ["2026-03-02", "2026-03-09", "2026-03-15"])
def test_an_alarm_about_those_days_names_the_event(day: str) -> None:
    assert told(day) == (
        "Women are favoured less. Known of these days: spring campaign (2026-03-02 to 2026-03-08): half price."
    )


@pytest.mark.parametrize("day", ["2026-03-01", "2026-03-16"])
def test_an_alarm_about_other_days_does_not(day: str) -> None:
    assert told(day) == ALARM.words


def test_windows_reach_back_and_outcomes_reach_forward() -> None:
    assert "spring campaign" in told("2026-03-30", replace(ALARM, batches=4))
    assert "spring campaign" not in told("2026-04-20", replace(ALARM, batches=4))
    assert "spring campaign" in told("2026-02-10", matured_days=28)


def test_what_is_no_alarm_needs_no_excuse_and_an_alarm_gets_none() -> None:
    calm = replace(ALARM, bound=0.9)
    assert told("2026-03-05", calm) == ALARM.words
    named = replace(ALARM, words=told("2026-03-05"))
    assert named.is_alarm
    assert severity_of(named, None) == "critical"


def test_the_calendar_changes_no_meaning_and_its_faults_are_named() -> None:
    (event,) = USE_CASE.monitors.known_events
    assert event_words(event) == "spring campaign (2026-03-02 to 2026-03-08): half price"
    with_events = CONTRACT + "monitors:\n  known_events:\n    - {name: sale, from: 2026-01-02, until: 2026-01-02}\n"
    assert event_words(parse_use_case(with_events, "a").monitors.known_events[0]) == "sale (2026-01-02)"
    assert changes_of_meaning(CONTRACT, with_events) == ()
    with pytest.raises(ContractError, match="before it begins"):
        watched(monitors={"known_events": [{**CAMPAIGN, "until": "2026-03-01"}]})
