"""One installation for every test of this room that needs it: those are of one group, so that it is started once.

Idle servers take a third of a core, so they end with the last of these tests and not with the session.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.docker.images import services, started_by_up
from tests.docker.processes import Installation, installed
from tests.live_use_case import orders, write_live

_running = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the installation is exhaustive: its servers and their starts took two minutes of what `make test` may.

    Commands, environment, health checks, secrets and roles are held against the files in every run all the same.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents and "installation" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.exhaustive)


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """Everything that `up` starts by compose.yaml, running, with a small use case in the image."""
    with _running:
        folder = _running.enter_context(tempfile.TemporaryDirectory(prefix="decisionloop-docker-"))
        one = _running.enter_context(installed(Path(folder)))
        write_live(one.app / "usecases", orders(weeks=3), online={})
        waits = {name: services()[name].get("depends_on", {}) for name in started_by_up()}
        one.start(*TopologicalSorter(waits).static_order())
        yield one


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End the servers with the last of these tests, which all run one after the other in one process."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        _running.close()
