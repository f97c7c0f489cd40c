"""One real Prefect server for the tests of flows, and one life of ``small`` that was lived through them.

An idle server takes a sixth of a core, so it ends with the last of these tests and not with the session.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from decisionloop.ledger.storage.engine import Ledger
from decisionloop.workspace import Workspace, open_workspace
from tests.architecture.code import ROOT
from tests.small_use_case import as_of, settings_of, write_small

_running = ExitStack()
WEEKS, SHADOWED = 4, "shadowed"
OFFERED = ("credit_line", "retention_offer")
IN_TESTS = ("small", "live", "of performance.decayed", "of value.lost")
"""The use cases that a form offers: those of the project, and those that tests write into folders of their own."""
SERVER_SECONDS, EVENTS_SECONDS = 120, 20
IDLE_SERVICES = (
    "SCHEDULER",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "CANCELLATION_CLEANUP",
    "FOREMAN",
    "REPOSSESSOR",
)
"""What a server does of its own accord every few seconds, and no test here waits for."""


@dataclass(frozen=True)
class Server:
    """What the Prefect server of this session has come to know."""

    client: Any

    def flow_runs(self, name: str, since: datetime | None = None) -> dict[str, str]:
        """The state of every run of this name, by flow; the latest where one ran twice. ``since``: of those since."""
        found = self.client.read_flow_runs(flow_run_filter=_named(name))
        runs = [run for run in found if since is None or run.start_time >= since]
        flows = {run.id: self.client.read_flow(run.flow_id).name for run in runs}
        return {flows[run.id]: run.state_name for run in sorted(runs, key=lambda run: run.start_time)}

    def attempts(self, name: str, task: str) -> list[int]:
        """How often each run of a task was tried, in the flow runs of this name."""
        runs = self.client.read_task_runs(flow_run_filter=_named(name))
        return [run.run_count for run in runs if run.name.startswith(task)]

    def artifacts(self) -> dict[str, str]:
        """The text of every artifact by key, as it was published last."""
        found = self.client._client.post("/artifacts/latest/filter", json={"limit": 200}).json()
        return {artifact["key"]: artifact["data"] for artifact in found}

    def missing_events(self, expected: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (name, subject) it has not been told, after waiting for them: events arrive a little late."""
        deadline = time.monotonic() + EVENTS_SECONDS
        while (missing := expected - set(self._events())) and time.monotonic() < deadline:
            time.sleep(0.5)
        return missing

    def _events(self) -> Iterator[tuple[str, str]]:
        ours = {"event": {"prefix": ["decisionloop."]}}
        page = self.client._client.post("/events/filter", json={"filter": ours, "limit": 50}).json()
        while True:
            yield from ((event["event"], event["resource"]["prefect.resource.id"]) for event in page["events"])
            if not page["next_page"]:
                return
            page = self.client._client.get(page["next_page"]).json()


def _named(name: str) -> Any:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

    return FlowRunFilter(name=FlowRunFilterName(any_=[name]))


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server with a database of its own; flow runs without the second that a heartbeat's end takes."""
    from prefect import settings
    from prefect.client.orchestration import get_client
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_HOME,
        PREFECT_LOGGING_LEVEL,
        PREFECT_SERVER_ANALYTICS_ENABLED,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    quiet = {
        PREFECT_HOME: tmp_path_factory.mktemp("prefect"),
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
        PREFECT_LOGGING_LEVEL: "ERROR",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        **{getattr(settings, f"PREFECT_SERVER_SERVICES_{name}_ENABLED"): False for name in IDLE_SERVICES},
    }
    with _running:
        _running.enter_context(temporary_settings(quiet))
        _running.enter_context(prefect_test_harness(server_startup_timeout=SERVER_SECONDS))
        yield Server(_running.enter_context(get_client(sync_client=True)))


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End the server with the last of these tests, which all run one after the other in one process."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        _running.close()


@dataclass(frozen=True)
class Life:
    """An installation of ``small``: everything that it wrote is below ``folder``."""

    folder: Path

    @property
    def workspace(self) -> Workspace:
        """The use case, opened as the flows open it."""
        with settings_of(self.folder):
            return open_workspace("small")

    @property
    def ledger(self) -> Ledger:
        """Its ledger."""
        return self.workspace.ledger

    def turn(self, week: int) -> str:
        """The loop, once."""
        from flows.loop import loop

        with settings_of(self.folder):
            return loop("small", as_of(week))


@dataclass(frozen=True)
class Shown:
    """What Prefect showed of a life when it had been lived: later runs of other lives have the same names.

    ``runs``: the state of each flow's run, week by week. ``artifacts``: texts by key.
    """

    runs: tuple[dict[str, str], ...]
    artifacts: dict[str, str]


@pytest.fixture(scope="session")
def lived_and_shown(prefect: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Life, Shown]:
    """Four weeks, and what Prefect showed of them."""
    life = Life(tmp_path_factory.mktemp("lived") / "life")
    write_small(life.folder / "usecases")
    for week in range(WEEKS):
        life.turn(week)
        if week == 1:
            life.ledger.close()
            shutil.copytree(life.folder, life.folder.parent / SHADOWED)
    runs = tuple(prefect.flow_runs(f"small {as_of(week):%Y-%m-%d}") for week in range(WEEKS))
    return life, Shown(runs, prefect.artifacts())


@pytest.fixture(scope="session")
def lived(lived_and_shown: tuple[Life, Shown]) -> Life:
    """Four weeks: the rules decide in three, a model is in shadow in the third and decides in the fourth."""
    return lived_and_shown[0]


@pytest.fixture(scope="session")
def shadowed(lived: Life, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Two weeks of it: a first model has come into shadow. One installation, to go on with."""
    life = Life(tmp_path_factory.mktemp(SHADOWED) / "life")
    shutil.copytree(lived.folder.parent / SHADOWED, life.folder)
    return life


@pytest.fixture(scope="session")
def deployed(prefect: Server) -> Any:
    """A client of the server, with every deployment of prefect.yaml and every automation as `make serve` makes them."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME

    from decisionloop.cli.deploy_flows import deploy_flows, offer_use_cases

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
        patch.setenv("PREFECT_HOME", str(PREFECT_HOME.value()))
        patch.setenv("DO_NOT_TRACK", "true")
        deploy_flows()
        offer_use_cases([*OFFERED, *IN_TESTS])
    return prefect.client


@pytest.fixture(scope="session")
def shown(lived_and_shown: tuple[Life, Shown]) -> Shown:
    """What Prefect showed of these four weeks."""
    return lived_and_shown[1]


@pytest.fixture
def life(lived: Life, tmp_path: Path) -> Life:
    """A copy of the four weeks, to go on with."""
    lived.ledger.close()
    shutil.copytree(lived.folder, tmp_path / "copy")
    return Life(tmp_path / "copy")
