"""A run of which nothing is heard any more has crashed: one automation at the server says so, and only of such."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from decisionloop.cli.automations import SILENT, SILENT_FOR, crash_silent_runs

pytestmark = pytest.mark.xdist_group("flows")

SHORTEST, PATIENCE_SECONDS, ARRIVES_SECONDS = timedelta(seconds=10), 60, 3


@contextmanager
def patient_for(within: timedelta) -> Iterator[None]:
    """With that patience for a while."""
    crash_silent_runs(within)
    try:
        yield
    finally:
        crash_silent_runs()


def test_deploying_again_makes_no_second_one_and_one_that_was_switched_off_stays_off(deployed):
    (first,) = deployed.read_automations_by_name(SILENT)
    assert (first.trigger.within, first.enabled) == (SILENT_FOR, True)
    deployed.pause_automation(first.id)
    with patient_for(SHORTEST):
        (again,) = deployed.read_automations_by_name(SILENT)
        assert (again.id, again.trigger.within, again.enabled) == (first.id, SHORTEST, False)
    deployed.resume_automation(first.id)


def test_three_heartbeats_of_prefects_own_may_be_lost():
    from prefect.settings.models.flows import FlowsSettings

    usual = FlowsSettings.model_fields["heartbeat_frequency"].default
    assert 3 * timedelta(seconds=usual) < SILENT_FOR


@pytest.mark.exhaustive  # it waits
def test_a_run_that_falls_silent_has_crashed_and_one_that_waits_for_a_person_has_not(deployed):
    from prefect.states import Running, Suspended

    deployment = deployed.read_deployment_by_name("alarm/alarm")
    asked = {"use_case": "small", "message": "none"}
    silent, waiting = (deployed.create_flow_run_from_deployment(deployment.id, parameters=asked) for _ in range(2))
    with patient_for(SHORTEST):
        for run in (silent, waiting):
            deployed.set_flow_run_state(run.id, Running(), force=True)
            _beat(run)
        time.sleep(ARRIVES_SECONDS)
        deployed.set_flow_run_state(waiting.id, Suspended(timeout_seconds=3600), force=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (state := deployed.read_flow_run(silent.id).state).is_final() and time.monotonic() < deadline:
            time.sleep(0.5)
        time.sleep(ARRIVES_SECONDS)
    assert state.is_crashed()
    assert "Nothing was heard of it" in state.message
    assert deployed.read_flow_run(waiting.id).state.is_paused()


def _beat(run: Any) -> None:
    from prefect.events import emit_event

    subject = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    emit_event("prefect.flow-run.heartbeat", subject)
