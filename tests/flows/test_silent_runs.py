"""A run of which nothing is heard any more has crashed: one automation at the server says so, and only of such."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import yaml

from decisionloop.cli.automations import HEARTBEAT_SECONDS, SILENT, SILENT_FOR, crash_silent_runs
from tests.architecture.code import ROOT

pytestmark = pytest.mark.xdist_group("flows")

SHORTEST, PATIENCE_SECONDS = timedelta(seconds=10), 60


@pytest.fixture
def ours(deployed: Any) -> Any:
    """The automation as it was deployed; however a test leaves it, the next one finds it so."""
    yield lambda: deployed.read_automations_by_name(SILENT)
    for one in deployed.read_automations_by_name(SILENT):
        deployed.delete_automation(one.id)
    crash_silent_runs()


def test_deploying_again_makes_no_second_one_and_one_that_was_switched_off_stays_off(deployed, ours):
    (first,) = ours()
    assert (first.trigger.within, first.enabled) == (SILENT_FOR, True)
    deployed.pause_automation(first.id)
    crash_silent_runs(SHORTEST)
    (again,) = ours()
    assert (again.id, again.trigger.within, again.enabled) == (first.id, SHORTEST, False)


def test_the_runs_of_the_pool_say_often_enough_that_they_live():
    pool = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["definitions"]["work_pool"]
    assert pool["job_variables"]["env"] == {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)}
    assert SILENT_FOR.total_seconds() >= 3 * HEARTBEAT_SECONDS


@pytest.mark.exhaustive  # it waits
def test_a_run_that_falls_silent_has_crashed_and_one_that_waits_for_a_person_has_not(deployed, ours):
    from prefect.states import Running, Suspended

    crash_silent_runs(SHORTEST)
    deployment = deployed.read_deployment_by_name("alarm/alarm")
    asked = {"use_case": "small", "message": "none"}
    silent, waiting = (deployed.create_flow_run_from_deployment(deployment.id, parameters=asked) for _ in range(2))
    for run in (silent, waiting):
        deployed.set_flow_run_state(run.id, Running(), force=True)
        _beat(run)
    deployed.set_flow_run_state(waiting.id, Suspended(timeout_seconds=3600), force=True)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (state := deployed.read_flow_run(silent.id).state).is_final() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert state.is_crashed()
    assert "Nothing was heard of it" in state.message
    time.sleep(2)
    assert deployed.read_flow_run(waiting.id).state.is_paused()


def _beat(run: Any) -> None:
    from prefect.events import emit_event

    subject = {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
    emit_event("prefect.flow-run.heartbeat", subject)
