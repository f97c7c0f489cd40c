"""The service as a process: what it acknowledged outlives kill -9, and its log says nothing that it must not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from decisionloop.ledger.storage.engine import open_ledger
from decisionloop.ledger.webhooks import find_delivery, steps, waiting_deliveries
from tests.service.conftest import FILE, SECRET, SECRETS, github, ours
from tests.service.processes import ServiceProcess


@pytest.fixture
def environment(configure, tmp_path):
    configure(FILE)
    return {"DECISIONLOOP_LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db", "DECISIONLOOP_HOME": str(tmp_path)}


@pytest.mark.exhaustive  # long; shorter ones show the same in every run
def test_what_was_acknowledged_outlives_kill_9_and_the_next_process_tries_it_by_itself(tmp_path, environment):
    first = ServiceProcess(tmp_path / "first.log", environment)
    acknowledged, client = [], httpx.Client(timeout=30)  # one for all: making one takes longer than being answered

    def send(number):
        signed = ours(f"msg_{number}", why=f"{number}")
        answer = client.post(first.url + signed.path, content=signed.body, headers=signed.headers)
        if answer.status_code == 202:
            acknowledged.append(f"msg_{number}")

    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, number) for number in range(200)]
        while len(acknowledged) < 20:
            time.sleep(0.01)
        first.kill()
        assert any(one.exception() for one in sent)  # it was killed in the middle
    with open_ledger(environment["DECISIONLOOP_LEDGER_URL"]) as ledger:
        assert all(find_delivery(ledger, "ours", one) for one in acknowledged)
        newest = waiting_deliveries(ledger)[-1]
        before = steps(ledger, newest)
        second = ServiceProcess(tmp_path / "second.log", environment)
        assert before or _awaited(lambda: steps(ledger, newest))
        assert _awaited(lambda: len(waiting_deliveries(ledger)) == 1)  # the others are older, and superseded
    assert any(one.get("delivery") == newest.delivery_id for one in second.records())
    second.stop()


def _awaited(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def test_the_log_is_json_one_record_a_line_without_bodies_secrets_or_ids_of_decisions(tmp_path, environment):
    service = ServiceProcess(tmp_path / "service.log", environment)
    why = "client 10020\nis\r\nlate\u2028"
    for signed in (ours(why=why), github(), ours("msg_2", body=b'{"of": "client 10020"'), ours("x\ty"[:1])):
        httpx.post(service.url + signed.path, content=signed.body, headers=signed.headers)
    httpx.get(f"{service.url}/v1/credit_line/decisions/of-client-10020", timeout=60)
    httpx.get(f"{service.url}/nowhere/of-client-10020")
    service.stop()
    told = [one for one in service.records() if one["message"] == "request" and one["route"] != "/health"]
    assert [(one["route"], one["status"]) for one in told] == [
        ("/v1/webhooks/{sender}", 202),
        ("/v1/webhooks/{sender}", 202),
        ("/v1/webhooks/{sender}", 400),
        ("/v1/webhooks/{sender}", 202),
        ("/v1/{use_case}/decisions/{decision_id}", 404),
        ("", 404),
    ]
    assert any("no API key is configured" in one["message"] for one in service.records())
    text = service.log.read_text()
    assert not [value for value in ("10020", SECRET, *SECRETS.values()) if value in text]


def test_a_sender_without_a_secret_ends_the_command_with_exit_code_4(tmp_path, environment):
    with pytest.raises(AssertionError, match="has no secret in the environment variable GITHUB"):
        ServiceProcess(tmp_path / "service.log", {**environment, "GITHUB": ""})
