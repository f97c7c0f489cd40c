"""prefect.yaml on a real server: an alarm's event starts the retraining with what was measured, once."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

pytestmark = pytest.mark.xdist_group("flows")

ARRIVES_SECONDS, STAYS_AWAY_SECONDS = 20, 2
# What breaks a template: quotes, braces, markup, a line's end; and numbers must stay numbers.
WORDS = '"Debt" moved by {{ 30 }} % & isn\'t <what> it was:\nlook.\\'


def measurement(use_case="credit_line", **told):
    return {
        "use_case": use_case,
        "incident_id": f"{use_case}/inputs/2005-09-08",
        "family": "inputs",
        "cohort": "2005-09-08",
        "value": 0.31,
        "stake_per_decision": 2,
        "low": None,
        "slices": ["feature=debt", "feature=limit"],
        "words": WORDS,
        "reason": WORDS,
        **told,
    }


def emit(name, resource, payload, event_id=None, **labels):
    from prefect.events import emit_event

    emit_event(name, {"prefect.resource.id": resource, **labels}, payload=payload, id=event_id)


def raise_alarm(payload, name="drift.detected", event_id=None):
    use_case = payload["use_case"]
    resource = f"decisionloop.{use_case}.{payload['incident_id']}"
    emit(f"decisionloop.{name}", resource, payload, event_id, **{"decisionloop.use_case": use_case})


def runs_of(client, deployment, use_case):
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    wanted = DeploymentFilter(name=DeploymentFilterName(any_=[deployment]))
    runs = client.read_flow_runs(deployment_filter=wanted)
    return [run for run in runs if run.auto_scheduled is False and run.parameters["use_case"] == use_case]


def await_runs(client, deployment, use_case, number):
    deadline = time.monotonic() + ARRIVES_SECONDS
    while len(found := runs_of(client, deployment, use_case)) < number and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_an_alarm_starts_a_retraining_with_its_measurement_once(deployed):
    from flows.retrain import retrain

    event_id = uuid4()
    raise_alarm(measurement(), event_id=event_id)
    (run,) = await_runs(deployed, "retrain", "credit_line", 1)
    assert run.parameters == {
        "use_case": "credit_line",
        "reason": WORDS,
        "event": {"name": "decisionloop.drift.detected", "measurement": measurement()},
    }
    assert retrain.validate_parameters(run.parameters)["event"]["measurement"]["stake_per_decision"] == 2
    raise_alarm(measurement(), event_id=event_id)  # the same event again
    raise_alarm(measurement(value=0.35))  # and another one within the day
    raise_alarm(measurement("retention_offer"))
    assert len(await_runs(deployed, "retrain", "retention_offer", 1)) == 1  # another use case is not kept from it
    time.sleep(STAYS_AWAY_SECONDS)
    assert len(runs_of(deployed, "retrain", "credit_line")) == 1


@pytest.mark.parametrize("name", ["performance.decayed", "value.lost"])
def test_decay_and_lost_value_start_one_too_and_missing_labels_do_not(deployed, name):
    raise_alarm(measurement(f"of {name}"), "labels.missing")
    raise_alarm(measurement(f"of {name}"), name)
    (run,) = await_runs(deployed, "retrain", f"of {name}", 1)
    assert run.parameters["event"]["name"] == f"decisionloop.{name}"


def test_an_automation_that_fails_is_an_alarm_of_its_own(deployed):
    before = len(runs_of(deployed, "alarm", "credit_line"))
    resource = f"prefect.automation.{uuid4()}"
    told = {"reason": "409: 'value' is not of type 'number'"}
    emit("prefect.automation.action.failed", resource, told, **{"prefect.resource.name": "retrain on drift"})
    found = await_runs(deployed, "alarm", "credit_line", before + 1)
    assert len(found) == before + 1
    from flows.alarm import alarm

    assert all(alarm.validate_parameters(run.parameters)["use_case"] == "credit_line" for run in found)
    messages = [run.parameters["message"] for run in found]
    assert "The automation `retrain on drift` could not act: 409: 'value' is not of type 'number'" in messages
