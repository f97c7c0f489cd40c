"""HTTP: at least once, with what makes it exactly once at the receiver; only what it acknowledges is delivered."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from decisionloop.dispatch.http import HttpActuator
from decisionloop.dispatch.receiver import Receiver, carried_out
from decisionloop.errors import DeliveryError, DeliveryRefused


def _actuator(url, timeout_seconds=5.0):
    pauses = []
    return HttpActuator(url, timeout_seconds, sleep=pauses.append), pauses


def test_an_acknowledged_chunk_is_delivered(misbehaving_server, make_messages, tmp_path):
    server = misbehaving_server("ok", receiver=Receiver(tmp_path / "done"))
    actuator, _ = _actuator(server.url)
    receipts = actuator.send(make_messages(3), "offers/2005-07-08", 0)
    assert [(r.decision_id, r.status, r.detail) for r in receipts] == [
        (m.decision_id, "delivered", "HTTP 200") for m in make_messages(3)
    ]
    key, body = server.requests[0]
    assert len(key) == 64
    assert json.loads(body)[0] == {
        "decision_id": "0" * 32,
        "use_case": "offers",
        "entity_id": "c0",
        "as_of": "2005-07-08T00:00:00.000000Z",
        "action": "mail",
        "payload": {"text": "Zoë", "value": 1.5},
    }


@pytest.mark.parametrize("trouble", [500, 503, 429, 408, "slow", "cut", "trickle"])
def test_trouble_at_the_receiver_is_met_by_sending_the_same_again(misbehaving_server, make_messages, tmp_path, trouble):
    server = misbehaving_server(trouble, trouble, "ok", receiver=Receiver(tmp_path / "done"))
    actuator, pauses = _actuator(server.url, timeout_seconds=0.6)
    assert len(actuator.send(make_messages(5), "b", 0)) == 5
    assert len(server.requests) == 3
    assert len(set(server.requests)) == 1
    assert pauses == [0.2, 0.4]
    # carried out three times over, if it were not for the ids
    assert carried_out(tmp_path / "done") == [m.decision_id for m in make_messages(5)]


def test_a_receiver_that_does_not_drop_repeats_carries_them_out_twice(misbehaving_server, make_messages, tmp_path):
    receiver = Receiver(tmp_path / "done", is_deduplicating=False)
    server = misbehaving_server("cut", "ok", receiver=receiver)
    _actuator(server.url)[0].send(make_messages(2), "b", 0)
    assert len(carried_out(tmp_path / "done")) == 4


@pytest.mark.parametrize("status", [400, 404, 409, 422, 302])
def test_a_refusal_is_not_repeated_and_says_what_the_receiver_said(misbehaving_server, make_messages, tmp_path, status):
    server = misbehaving_server(status, receiver=Receiver(tmp_path / "done"))
    with pytest.raises(DeliveryError, match=f"HTTP {status}.*told to answer {status}.*stay in the outbox"):
        _actuator(server.url)[0].send(make_messages(1), "b", 0)
    assert len(server.requests) == 1


def test_a_receiver_that_stays_down_ends_in_an_error_after_a_few_attempts(misbehaving_server, make_messages, tmp_path):
    server = misbehaving_server(503, receiver=Receiver(tmp_path / "done"))
    actuator, pauses = _actuator(server.url)
    with pytest.raises(DeliveryError, match=r"batch b, chunk 7 of 1 actions.*in 4 attempts.*HTTP 503"):
        actuator.send(make_messages(1), "b", 7)
    assert len(server.requests) == 4
    assert pauses == [0.2, 0.4, 0.8]


def test_nobody_listening_is_an_error(make_messages):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(DeliveryError, match="ConnectError"):
        _actuator(url)[0].send(make_messages(1), "b", 0)


def test_a_url_that_is_none_is_an_error(make_messages):
    with pytest.raises(DeliveryError, match=r"Correct actuator\.url"):
        _actuator("http://host:port:port/")[0].send(make_messages(1), "b", 0)


def test_the_key_names_the_content(misbehaving_server, make_messages, tmp_path):
    server = misbehaving_server("ok", receiver=Receiver(tmp_path / "done"))
    actuator, _ = _actuator(server.url)
    for messages in (make_messages(2), make_messages(2), make_messages(3)):
        actuator.send(messages, "b", 0)
    keys = [key for key, _ in server.requests]
    assert keys[0] == keys[1] != keys[2]


def test_what_a_receiver_refuses_of_a_chunk_is_not_delivered(misbehaving_server, make_messages, tmp_path):
    first, second, third = make_messages(3)
    refused = {"refused": [{"decision_id": second.decision_id, "reason": "no such customer"}]}
    results = {"results": [{"decision_id": first.decision_id, "status": 200},
                           {"decision_id": second.decision_id, "status": 409}]}  # fmt: skip
    server = misbehaving_server((200, refused), (207, results), receiver=Receiver(tmp_path / "done"))
    actuator, _ = _actuator(server.url)
    told = [[(r.status, r.detail) for r in actuator.send([first, second, third], "b", 0)] for _ in range(2)]
    took, no, not_said = ("delivered", "HTTP 200"), ("failed", "refused: no such customer"), "refused: nothing was said"
    assert told[0] == [took, no, took]
    assert [one[0] for one in told[1]] == ["delivered", "failed", "failed"]
    assert told[1][2][1].startswith(not_said)


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (200, {"error": "database down", "accepted": 0}, "HTTP 200 with an error: database down"),
        (200, {"errors": ["quota"]}, "with an error"),
        (200, {"refused": [{"decision_id": "who?"}]}, "refuses 'who\\?', which was not sent"),
        (200, {"refused": "all"}, "the answer's list of actions is none"),
        (207, {}, "the answer's list of actions is none"),
    ],
)
def test_an_answer_2xx_that_takes_nothing_is_a_refusal(misbehaving_server, make_messages, tmp_path, status, said, told):
    server = misbehaving_server((status, said), receiver=Receiver(tmp_path / "done"))
    with pytest.raises(DeliveryRefused, match=f"{told}.*stay in the outbox"):
        _actuator(server.url)[0].send(make_messages(1), "b", 0)
    assert len(server.requests) == 1


def test_an_answer_without_an_end_is_not_waited_for(misbehaving_server, make_messages, tmp_path):
    server = misbehaving_server("trickle", receiver=Receiver(tmp_path / "done"))
    began = time.monotonic()
    with pytest.raises(DeliveryError, match=r"in 4 attempts.*no whole answer in time"):
        _actuator(server.url, timeout_seconds=0.1)[0].send(make_messages(1), "b", 0)
    assert time.monotonic() - began < 5


def test_a_receiver_that_asks_for_a_pause_gets_it_unless_it_is_too_long(misbehaving_server, make_messages, tmp_path):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    script = [(429, {"Retry-After": "7"}), (503, {"Retry-After": soon}), (429, {"Retry-After": "no time"}), "ok"]
    server = misbehaving_server(*script, receiver=Receiver(tmp_path / "done"))
    actuator, pauses = _actuator(server.url)
    actuator.send(make_messages(1), "b", 0)
    assert (pauses[0], 10 < pauses[1] <= 20, pauses[2]) == (7.0, True, 0.8)
    server = misbehaving_server((503, {"Retry-After": "3600"}), receiver=Receiver(tmp_path / "other"))
    with pytest.raises(DeliveryError, match=r"in 1 attempts.*asks to wait 3600 s"):
        _actuator(server.url)[0].send(make_messages(1), "b", 0)


def test_what_opens_the_receiver_is_a_header_and_in_no_message(misbehaving_server, make_messages, tmp_path):
    server = misbehaving_server(403, receiver=Receiver(tmp_path / "done"))
    url = server.url.replace("http://", "http://u:S3cret@") + "?token=S3cret"
    actuator = HttpActuator(url, 5.0, "Bearer S3cretS3cret")
    with pytest.raises(DeliveryError) as caught:
        actuator.send(make_messages(1), "b", 0)
    assert "S3cret" not in f"{caught.value}{caught.value!r}{actuator.authorization and ''}"
