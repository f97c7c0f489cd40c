"""The memory of the service does not grow while it decides; `make soak` looks for half an hour."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from benchmarks.online_servers.asked import write_bodies
from benchmarks.online_servers.server import Server
from benchmarks.soak import LARGEST_GROWTH, Soaked, soak
from tests.service.conftest import one
from tests.service.processes import ServiceProcess
from tests.small_use_case import write_small


def test_growth_is_between_the_first_and_the_last_tenth_after_warming_up():
    growing = Soaked.of([*range(0, 200, 10), *range(1_000, 1_080)], rate=1.0)
    assert (growing.first, growing.last) == (1_003.5, 1_075.5)
    assert growing.growth > LARGEST_GROWTH
    assert Soaked.of([1_000] * 50, rate=1.0).growth == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("seconds", [15, 120])
def test_memory_does_not_grow_while_it_decides(tmp_path: Path, seconds: int):
    write_small(tmp_path / "usecases", online={})
    environment = {
        "DECISIONLOOP_HOME": str(tmp_path / "home"),
        "DECISIONLOOP_USECASES_DIR": str(tmp_path / "usecases"),
    }
    service = ServiceProcess(tmp_path / "service.log", environment)
    bodies = [one(f"shop-{number}") for number in range(500)]
    requests = write_bodies(tmp_path / "requests.txt", "/v1/small/decisions", bodies)
    server = Server(int(service.url.rpartition(":")[2]), psutil.Process(service.process.pid), requests)
    found = soak(lambda: server.memory_bytes, lambda: server.load(16, seconds).rate, every_seconds=seconds / 60)
    service.stop()
    assert found.growth < LARGEST_GROWTH, found
