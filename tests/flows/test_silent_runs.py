"""A run of which nothing is heard any more has crashed, and one that does not begin is told: the server says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from decisionloop.cli.automations import LATE, LATE_FOR, SILENT, SILENT_FOR, crash_silent_runs, tell_of_late_runs

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


def test_people_are_told_of_late_runs_by_the_server_where_a_contract_names_a_channel(deployed):
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    (first,) = deployed.read_automations_by_name(LATE)
    assert (first.trigger.within, first.enabled) == (LATE_FOR, True)
    assert [one.type for one in first.actions] == ["run-deployment"]
    block = CustomWebhookNotificationBlock(name="late", url="http://127.0.0.1:9/")
    kept = block.save("late", overwrite=True)
    try:
        assert tell_of_late_runs([f"{block.get_block_type_slug()}/late", "slack-webhook/none"]) == (
            "slack-webhook/none",
        )
        (told,) = deployed.read_automations_by_name(LATE)
        assert [(one.type, one.block_document_id) for one in told.actions] == [("send-notification", kept)]
    finally:
        assert tell_of_late_runs([]) == ()


@pytest.mark.exhaustive  # it waits
def test_a_run_that_does_not_begin_starts_an_alarm(deployed):
    from prefect.states import Pending, Scheduled

    loop = deployed.read_deployment_by_name("loop/credit_line")
    late, late_and_begun = (deployed.create_flow_run_from_deployment(loop.id) for _ in range(2))
    try:
        for began in (True, False):
            run = late_and_begun if began else late
            tell_of_late_runs([], SHORTEST)
            deployed.set_flow_run_state(run.id, Scheduled(name="Late"), force=True)
            if began:
                deployed.set_flow_run_state(run.id, Pending(), force=True)
            deadline = time.monotonic() + (2 * SHORTEST.total_seconds() if began else PATIENCE_SECONDS)
            while not (told := _alarms_of(deployed, run.name)) and time.monotonic() < deadline:
                time.sleep(0.5)
            assert bool(told) is not began
        assert told[0].parameters["kind"] == "worker"
    finally:
        tell_of_late_runs([])


def _alarms_of(client: Any, name: str) -> list[Any]:
    runs = client.read_flow_runs(limit=200)
    return [run for run in runs if name in str(run.parameters.get("message", ""))]


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
