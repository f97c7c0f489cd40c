"""What monitors find is written down once: figures, alarms, incidents, notices and events, whatever is repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.incidents import acknowledge, close, incidents, open_incidents
from decisionloop.ledger.measured_cohorts import measured_cohorts
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.notices import pending_notices
from decisionloop.ledger.schema import utc_now
from decisionloop.monitor.alarm.finding import Chart, Finding
from decisionloop.monitor.alarm.incidents import QUIET_CHECKS
from decisionloop.observe.estimate import Estimate
from tasks.watch.alarms import Occasion, raise_alarms
from tests.small_use_case import as_of

SHIFT = Finding(
    family="inputs",
    monitor="input_shift",
    slice="feature=debt",
    figure=Estimate(0.4, 0.35, 0.45, 600, 600.0, 0.95),
    threshold=0.1,
    bound=0.3,
    direction="above",
    alpha=1e-4,
    words="Debt moved up.",
    suggestion="Ask whoever delivers debt.",
    against="training",
    stake=0.5,
    chart=Chart(("low", "high"), (0.5, 0.5), (0.1, 0.9)),
)
QUIET = replace(SHIFT, bound=0.05, figure=Estimate(0.06, 0.05, 0.07, 600, 600.0, 0.95))
CHANNELS = {
    "notifications": [{"block": "slack-webhook/risk"}, {"block": "apprise-channel/log", "minimum_severity": "info"}]
}


@pytest.fixture
def told(small):
    """An installation whose contract names two channels."""
    small.contract(monitors={"minimum_money": 0.25, **CHANNELS})
    return small


def _raise(installation, findings, week=0, **others):
    return raise_alarms(installation.workspace, findings, Occasion(as_of(week), None, 600, **others))


def _subjects(installation):
    return [(one.channel, one.subject) for one in pending_notices(installation.ledger, "small", utc_now())]


def test_every_finding_is_a_figure_and_a_crossing_is_an_alarm(told):
    unanswered = replace(SHIFT, slice="feature=trade", bound=None, figure=Estimate(None, None, None, 0, None, 0.95))
    (raised,) = _raise(told, [SHIFT, replace(QUIET, slice="feature=turnover"), unanswered])
    figures = measurements_of(told.ledger, "small").set_index("slice")
    assert sorted(figures.index) == ["feature=debt", "feature=trade", "feature=turnover"]
    assert figures.loc["feature=debt", ["value", "threshold", "against", "cohort", "is_mature"]].tolist() == [
        0.4, 0.1, "training", "2024-01-01", False,
    ]  # fmt: skip
    assert alarms_of(told.ledger, "small") == (raised.alarm,)
    alarm = raised.alarm
    assert (alarm.severity, alarm.stake_per_decision, alarm.stake_total) == ("warning", 0.5, 300.0)
    assert alarm.chart == '{"current": [0.1, 0.9], "labels": ["low", "high"], "reference": [0.5, 0.5]}'
    (incident,) = open_incidents(told.ledger, "small")
    assert (incident.incident_id, incident.first_words) == ("small/inputs/2024-01-01", "Debt moved up.")


def test_repeating_it_adds_nothing_and_its_event_can_be_told_apart_from_no_other(told):
    findings = [SHIFT, replace(SHIFT, slice="feature=turnover")]
    first = _raise(told, findings)
    before = told.tables()
    again = _raise(told, findings)
    assert told.tables() == before
    assert [one.is_news for one in (*first, *again)] == [True, True, False, False]
    assert {one.alarm for one in first} == {one.alarm for one in again}
    one, repeated = told.announced("drift.detected")
    assert one["id"] == repeated["id"]
    _raise(told, findings, week=1)
    assert told.announced("drift.detected")[-1]["id"] != one["id"]


def test_the_event_carries_the_measurement_of_the_gravest_alarm(told):
    _raise(told, [SHIFT, replace(SHIFT, slice="feature=turnover", is_halting=True, words="Turnover is in cents.")])
    (event,) = told.announced("drift.detected")
    assert event["resource"]["prefect.resource.id"] == "decisionloop.small.small/inputs/2024-01-01"
    payload = event["payload"]
    assert (payload["reason"], payload["severity"], payload["alarms"]) == ("Turnover is in cents.", "critical", 2)
    assert payload["slices"] == ["feature=turnover", "feature=debt"]
    assert (payload["value"], payload["threshold"], payload["cohort"]) == (0.4, 0.1, "2024-01-01")


def test_an_interval_without_an_end_can_be_told_in_an_event(told):
    _raise(told, [replace(SHIFT, figure=Estimate(np.float64(3.0), 0.3, float("inf"), 600, 600.0, 0.95))])
    payload = told.announced("drift.detected")[0]["payload"]
    assert (payload["value"], payload["high"]) == (3.0, None)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("inputs", "drift.detected"),
        ("outputs", "drift.detected"),
        ("feedback", "drift.detected"),
        ("skew", "drift.detected"),
        ("performance", "performance.decayed"),
        ("labels", "labels.missing"),
        ("impact", "impact.adverse"),
        ("value", "value.lost"),
    ],
)
def test_each_family_has_its_event(told, family, name):
    _raise(told, [replace(SHIFT, family=family)])
    assert [event["event"] for event in told.events] == [f"decisionloop.{name}"]


def test_people_hear_of_an_incident_once_until_there_is_news(told):
    _raise(told, [SHIFT])
    _raise(told, [SHIFT], week=1)
    incident = "small/inputs/2024-01-01"
    assert sorted(_subjects(told)) == [("apprise-channel/log", incident), ("slack-webhook/risk", incident)]
    _raise(told, [replace(SHIFT, slice="feature=trade")], week=2)
    assert len(_subjects(told)) == 4
    last = max(pending_notices(told.ledger, "small", utc_now()), key=lambda one: one.at)
    assert last.title == "[warning] small: Debt moved up."
    for said in ("At stake: 0.50 a decision, 300 in this batch.", "Ask whoever delivers debt.", incident, "2024-01-15"):
        assert said in last.body
    (found,) = incidents(told.ledger, "small")
    assert (found.alarms, found.slices) == (3, ("feature=debt", "feature=trade"))


def test_a_change_that_is_worth_less_than_the_contracts_money_is_a_figure_and_no_alarm(told):
    assert _raise(told, [replace(SHIFT, stake=0.2)]) == ()
    assert len(measurements_of(told.ledger, "small")) == 1
    assert told.events == []


def test_an_incident_closes_when_its_monitors_have_been_quiet_and_the_next_alarm_opens_another(told):
    _raise(told, [SHIFT])
    for week in range(1, QUIET_CHECKS):
        _raise(told, [QUIET], week)
    _raise(told, [replace(SHIFT, family="labels", monitor="late_labels", bound=0.0)], QUIET_CHECKS)
    assert len(open_incidents(told.ledger, "small")) == 1  # others were quiet, its own monitors were not asked
    _raise(told, [QUIET], QUIET_CHECKS)
    assert open_incidents(told.ledger, "small") == ()
    (closed,) = incidents(told.ledger, "small")
    assert (closed.state, closed.events[-1].by) == ("closed", "monitors")
    _raise(told, [SHIFT], QUIET_CHECKS + 1)
    assert [one.incident_id for one in open_incidents(told.ledger, "small")] == ["small/inputs/2024-02-05"]


def test_an_alarm_after_a_person_closed_the_incident_of_the_same_day_opens_a_second(told):
    _raise(told, [SHIFT])
    close(told.ledger, "small/inputs/2024-01-01", "anna", "false: a holiday")
    raise_alarms(told.workspace, [SHIFT], Occasion(as_of(0) + timedelta(hours=1), None, 600))
    assert [one.incident_id for one in open_incidents(told.ledger, "small")] == ["small/inputs/2024-01-01-2"]


def test_an_acknowledged_incident_stays_silent_but_goes_on(told):
    _raise(told, [SHIFT])
    acknowledge(told.ledger, "small/inputs/2024-01-01", "anna", "I ask")
    (again,) = _raise(told, [SHIFT], week=1)
    assert not again.is_news
    (found,) = open_incidents(told.ledger, "small")
    assert (found.state, found.alarms) == ("acknowledged", 2)


def test_what_is_found_about_an_older_cohort_is_filed_under_it(told):
    (raised,) = _raise(told, [replace(SHIFT, family="labels")], week=3, cohort_as_of=as_of(1), is_mature=True)
    assert (raised.alarm.cohort, raised.alarm.as_of) == ("2024-01-08", as_of(3))
    assert measurements_of(told.ledger, "small").loc[0, "is_mature"]
    # A check of its own does not say that the cohort was measured.
    assert measured_cohorts(told.ledger, "small") == frozenset()
