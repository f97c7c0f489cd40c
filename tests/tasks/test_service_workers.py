"""Several processes of the service on one port: the kill switch holds in all of them, and who dies is replaced."""

from __future__ import annotations

import os
import signal
import time

import httpx
import psutil
import pytest

from decisionloop.ledger.kill_switch import engage
from decisionloop.ledger.storage.engine import open_ledger
from decisionloop.ledger.stream import unsealed_segments
from tests.service.askers import Askers
from tests.service.processes import ServiceProcess
from tests.tasks.moment import on_engine

pytestmark = pytest.mark.xdist_group("loop")
EXHAUSTIVE = pytest.mark.exhaustive
BY_MODEL = {"champion", "canary", "exploration"}


@pytest.mark.parametrize(
    ("engine", "workers"),
    [("sqlite", 2), pytest.param("sqlite", 4, marks=EXHAUSTIVE), pytest.param("postgresql", 4, marks=EXHAUSTIVE)],
)
def test_the_switch_holds_in_every_worker_and_one_that_dies_is_replaced(saved, tmp_path, request, engine, workers):
    with (
        on_engine(engine, saved / "modelled", tmp_path / "life", request) as moment,
        moment.work() as installation,
        open_ledger(installation.ledger.engine.url.render_as_string(hide_password=False)) as ledger,
    ):
        installation.contract(online={"sealed_every_minutes": 1440})  # none of it is sealed while it is counted
        service = ServiceProcess(tmp_path / "service.log", {}, workers=workers)
        first = _all_workers(service, workers)
        with Askers(service.url) as askers:
            askers.await_answers(40)
            assert "champion" in {one.answer["role"] for one in askers.told if one.answer}
            begun = time.monotonic()
            engage(ledger, "small", "a test", "approver@example.com", 5)
            acknowledged = time.monotonic()
            askers.await_answers(40)
            os.kill(first[0], signal.SIGKILL)
            askers.await_answers(20)
            _all_workers(service, workers, without=first[0])
            askers.await_answers(20)
        late = [one.answer for one in askers.told if one.answer and one.asked > acknowledged]
        assert late
        assert not [one for one in late if one["role"] in BY_MODEL or one["fallback_reason"] != "kill switch"]
        assert {one.status for one in askers.told} == {200}
        print(f"acknowledged after {1_000 * (acknowledged - begun):.0f} ms")
        assert acknowledged - begun < 5  # 25 ms, but whoever tests may share the machine
        kept = sum(one.rows for one in unsealed_segments(ledger, "small"))
        assert kept >= askers.decided  # nothing was answered that is not on disk
        answering = service.workers
        service.kill()
        deadline = time.monotonic() + 120
        while any(map(psutil.pid_exists, answering)):  # who began them is gone, and the port is free
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _all_workers(service: ServiceProcess, workers: int, without: int = 0) -> list[int]:
    """Wait until so many run, each ready."""
    deadline = time.monotonic() + 240
    while len(found := [one for one in service.workers if one != without]) < workers or not _is_ready(service):
        assert time.monotonic() < deadline, service.log.read_text()[-2_000:]
        time.sleep(0.1)
    return found


def _is_ready(service: ServiceProcess) -> bool:
    try:
        return httpx.get(f"{service.url}/ready", timeout=60).status_code == 200
    except httpx.TransportError:
        return False
