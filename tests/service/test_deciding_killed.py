"""The service is killed under load, and sealing in the middle: what was answered is there, and is sealed once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from decisionloop.cli.app import app
from decisionloop.ledger.batches import batches
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.period_accounts import account_before
from decisionloop.ledger.schema import stream_decision, utc_now
from decisionloop.ledger.storage.engine import open_ledger
from decisionloop.ledger.stream import unsealed_segments
from decisionloop.ledger.watching_periods import parts_sealed, segments_of_part
from tests.service.conftest import one
from tests.service.processes import ServiceProcess
from tests.small_use_case import write_small

BUDGET = {"kind": "budget", "cost": {"lend": "1"}, "limit": 1_000_000}


@pytest.fixture
def environment(tmp_path):
    write_small(tmp_path / "usecases", online={}, policy={"constraints": [BUDGET]})
    return {
        "DECISIONLOOP_HOME": str(tmp_path / "home"),
        "DECISIONLOOP_USECASES_DIR": str(tmp_path / "usecases"),
        "DECISIONLOOP_LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db",
    }


def _ask(client, url, number):
    headers = {"idempotency-key": f"key-{number}"}
    return client.post(f"{url}/v1/small/decisions", json=one(f"shop-{number}"), headers=headers)


def _killed_under_load(service, client):
    """What was answered until the service was killed, by number."""
    answered = {}

    def ask(number):
        answer = _ask(client, service.url, number)
        if answer.status_code == 200:
            answered[number] = answer.json()

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(2_000)]
        while len(answered) < 60:
            time.sleep(0.01)
        service.kill()
        assert any(one.exception() for one in asked)  # it was killed in the middle
    return answered


def _kill_sealing(environment, ledger):
    """Begin to seal, and kill it once it has opened the batch."""
    command = [sys.executable, "-m", "decisionloop.cli", "seal", "small", "--over"]
    sealing = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    while not batches(ledger, "small"):
        assert sealing.poll() is None
        time.sleep(0.002)
    sealing.kill()
    sealing.wait()


@pytest.mark.exhaustive  # a service of its own, twice
@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_under_load_answers_what_is_in_hand_and_nothing_without_a_record(tmp_path, environment, workers):
    service = ServiceProcess(tmp_path / "service.log", environment, workers=workers)
    client, answered, others = httpx.Client(timeout=60), dict[int, str](), list[int]()

    def ask(number):
        answer = _ask(client, service.url, number)
        if answer.status_code == 200:
            answered[number] = answer.json()["decision_id"]
        else:
            others.append(answer.status_code)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(2_000)]
        while len(answered) < 60:
            time.sleep(0.01)
        service.stop()  # which holds the exit code too
        refused = [one.exception() for one in asked if one.exception()]
    assert len(answered) < 2_000
    assert set(others) <= {503}
    assert {type(one) for one in refused} <= {httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError}
    with open_ledger(environment["DECISIONLOOP_LEDGER_URL"]) as ledger, ledger.begin() as connection:
        kept = set(connection.execute(select(stream_decision.c.decision_id)).scalars())
    assert set(answered.values()) == kept  # nothing is answered without a record, and nothing kept without an answer


@pytest.mark.exhaustive  # long; shorter ones show the same in every run
def test_what_was_answered_outlives_kill_9_and_is_sealed_once(tmp_path, environment, monkeypatch):
    client = httpx.Client(timeout=60)
    answered = _killed_under_load(ServiceProcess(tmp_path / "first.log", environment), client)
    with open_ledger(environment["DECISIONLOOP_LEDGER_URL"]) as ledger:
        assert unsealed_segments(ledger, "small")
        second = ServiceProcess(tmp_path / "second.log", environment)
        for number in list(answered)[:20]:
            assert _ask(client, second.url, number).json() == answered[number]
        second.stop()
        _kill_sealing(environment, ledger)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for _ in range(2):  # in this process: to begin another one takes twelve seconds of a core
            app(["seal", "small", "--over"], standalone_mode=False)
        every = batches(ledger, "small")
        assert {batch.state for batch in every} == {"complete"}
        rows = [row for batch in every for row in decisions_of_batch(ledger, batch.batch_id).itertuples()]
        parts = [(one.batch_id, part) for one in every for part in parts_sealed(ledger, one.batch_id)]
        assert sum(one.rows for part in parts for one in segments_of_part(ledger, *part)) == len(rows)
        assert not unsealed_segments(ledger, "small")
        lent = sum(row.action == "lend" for row in rows)
        account = account_before(ledger, "small", utc_now() + timedelta(days=1))
        assert (account.rows, json.loads(account.used)) == (len(rows), [lent])
    assert len({row.decision_id for row in rows}) == len(rows)
    actions = {row.decision_id: (row.entity_id, row.action, row.propensity) for row in rows}
    for told in answered.values():
        assert actions[told["decision_id"]] == (told["entity"], told["action"], told["propensity"])
