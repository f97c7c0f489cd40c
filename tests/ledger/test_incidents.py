"""Alarms, the incidents that they fold into, and what people do about those, on both engines."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.alarms import Alarm, AlarmKey, alarms_of, append_alarms, quiet_checks, recorded_alarms
from decisionloop.ledger.incidents import acknowledge, close, incidents, open_incident, open_incidents
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.storage.engine import Ledger

AT = datetime(2005, 7, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
INCIDENT = "credit_line/inputs/2005-07-08"


def alarm(slice_: str = "feature=status_1", at: datetime = AT, severity: str = "warning", **others: object) -> Alarm:
    """An alarm about a feature of one cohort."""
    values = {
        "alarm_id": AlarmKey("credit_line", "shift", slice_, "training", None, f"{at:%Y-%m-%d}", at).alarm_id,
        "use_case": "credit_line", "incident_id": INCIDENT, "family": "inputs", "monitor": "shift", "slice": slice_,
        "against": "training", "release_id": None, "batch_id": None, "cohort": f"{at:%Y-%m-%d}",
        "severity": severity, "value": 0.3, "low": 0.2, "high": 0.4, "threshold": 0.1, "bound": 0.15, "alpha": 1e-4,
        "stake_per_decision": 1.0, "stake_total": 100.0, "words": f"{slice_} moved on {at:%d %B}.",
        "suggestion": "Ask whoever delivers it.", "chart": None, "as_of": at, "at": at,
    }  # fmt: skip
    return Alarm(**{**values, **others})


def raised(ledger: Ledger, *alarms: Alarm) -> None:
    """Append alarms of one incident, opened with the first."""
    with ledger.begin() as connection:
        open_incident(connection, alarms[0])
        append_alarms(connection, alarms)


def test_an_alarm_is_kept_once_with_all_that_it_says(ready: Ledger) -> None:
    one = alarm(value=float("nan"), stake_total=None)
    assert append_alarms(ready, [one, alarm("feature=age", AT + WEEK)]) == 2
    assert append_alarms(ready, [one]) == 0
    assert alarms_of(ready, "credit_line")[0] == dataclasses.replace(one, value=None)
    assert [found.slice for found in alarms_of(ready, "credit_line")] == ["feature=status_1", "feature=age"]
    assert alarms_of(ready, "credit_line", "another") == alarms_of(ready, "another") == ()
    assert set(recorded_alarms(ready, [one.alarm_id, "unknown"])) == {one.alarm_id}


def test_an_incident_is_as_severe_and_dear_as_its_worst_alarm(ready: Ledger) -> None:
    first = alarm(severity="critical", stake_total=70.0)
    raised(ready, first, alarm("feature=age", AT + WEEK, "info"), alarm(at=AT + 2 * WEEK, stake_total=None))
    (found,) = open_incidents(ready, "credit_line")
    assert (found.severity, found.stake_per_decision, found.stake_total, found.alarms) == ("critical", 1.0, 100.0, 3)
    assert found.slices == ("feature=status_1", "feature=age")
    assert (found.first_alarm_as_of, found.last_alarm_as_of) == (AT, AT + 2 * WEEK)
    assert (found.first_words, found.last_words) == (
        "feature=status_1 moved on 08 July.",
        "feature=status_1 moved on 22 July.",
    )
    assert found.first_cohort == "2005-07-08"


def test_an_incident_is_opened_acknowledged_and_closed(ready: Ledger) -> None:
    raised(ready, alarm())
    open_incident(ready, alarm(words="again"))
    assert acknowledge(ready, INCIDENT, "anna", "I ask the owner of the table").seq == 2
    assert acknowledge(ready, INCIDENT, "anna", "I ask the owner of the table").seq == 2
    (found,) = open_incidents(ready, "credit_line")
    assert (found.state, found.is_open) == ("acknowledged", True)
    close(ready, INCIDENT, "anna", "they mended it")
    assert open_incidents(ready, "credit_line") == ()
    (found,) = incidents(ready, "credit_line")
    assert [(event.state, event.by) for event in found.events] == [
        ("opened", "monitors"),
        ("acknowledged", "anna"),
        ("closed", "anna"),
    ]


def test_nobody_can_acknowledge_or_close_what_is_unknown_or_closed(ready: Ledger) -> None:
    raised(ready, alarm())
    for change in (acknowledge, close):
        with pytest.raises(UsageError, match=r"no incident nowhere.*decisionloop incidents"):
            change(ready, "nowhere", "anna", "why not")
    close(ready, INCIDENT, "anna", "mended")
    for change in (acknowledge, close):
        with pytest.raises(UsageError, match=r"closed by anna on .*\(mended\)"):
            change(ready, INCIDENT, "ben", "mended again")


def test_silence_is_counted_in_times_at_which_something_was_judged(ready: Ledger) -> None:
    def judged(
        weeks: int, slice_: str = "feature=age", value: float | None = 0.01, monitor: str = "shift"
    ) -> Measurement:
        at = AT + weeks * WEEK
        cohort = f"{at:%Y-%m-%d}"
        return Measurement(
            "credit_line", None, monitor, slice_, cohort, value, None, None, 9, None, False, at, 0.1, "training"
        )

    alarms = [alarm(), alarm(at=AT + WEEK)]
    append_measurements(
        ready,
        [
            *(judged(weeks) for weeks in range(5)),  # two of them no later than the last alarm
            judged(2, "feature=other"),  # the same time
            judged(5, value=None),  # could not answer
            judged(6, monitor="another"),
            dataclasses.replace(judged(7), threshold=None),  # judged nothing
        ],
    )
    assert quiet_checks(ready, alarms) == 3
    assert quiet_checks(ready, []) == 0
