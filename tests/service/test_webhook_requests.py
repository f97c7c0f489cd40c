"""What a webhook is answered, and that it is stored before it is answered."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.ledger.webhooks import find_delivery, steps, waiting_deliveries
from decisionloop.service.bodies import BadBody, read_object
from tests.service.conftest import github, ours


def test_a_delivery_is_stored_and_then_acknowledged_within_a_second(running):
    begun = time.perf_counter()
    answer = running.send(ours("msg_1", why="payments moved"))
    assert time.perf_counter() - begun < 1
    assert (answer.status_code, answer.json()) == (202, {"delivery": "msg_1", "state": "stored"})
    (waiting,) = waiting_deliveries(running.ledger)
    assert (waiting.sender, waiting.delivery_id, waiting.deployment) == ("ours", "msg_1", "retrain/retrain")
    assert json.loads(waiting.parameters) == {"use_case": "credit_line", "reason": "payments moved"}


def test_an_event_that_is_not_listed_is_kept_and_starts_nothing(running):
    answer = running.send(github(event="ping", body=b'{"zen": "Keep it logically awesome."}'))
    assert (answer.status_code, answer.json()["state"]) == (202, "ignored")
    kept = find_delivery(running.ledger, "github", answer.json()["delivery"])
    assert [step.state for step in steps(running.ledger, kept)] == ["ignored"]
    assert running.started() == 0
    assert running.prefect.runs == {}


def test_an_unknown_sender_is_answered_by_404(running):
    signed = ours()
    assert running.client.post("/v1/webhooks/nobody", content=signed.body, headers=signed.headers).status_code == 404


@pytest.mark.parametrize(("size", "status"), [(1_048_576, 401), (1_048_577, 413), (20_000_000, 413)])
def test_a_body_of_more_than_a_mebibyte_is_answered_by_413(serve, sqlite_ledger, size, status):
    assert serve().client.post("/v1/webhooks/ours", content=b"x" * size).status_code == status


def test_an_id_that_comes_with_another_body_is_answered_by_409_and_changes_nothing(running):
    assert running.send(ours("msg_1", why="first")).status_code == 202
    assert running.send(ours("msg_1", why="second")).status_code == 409
    (waiting,) = waiting_deliveries(running.ledger)
    assert json.loads(waiting.parameters)["reason"] == "first"


def test_a_body_that_comes_again_under_another_id_is_the_same_delivery(running):
    """GitHub does not sign the id, so whoever has one signed body could make any number of it."""
    for number in range(3):
        answer = running.send(github(f"delivery-{number}"))
        assert (answer.status_code, answer.json()["delivery"]) == (202, "delivery-0")
    assert len(waiting_deliveries(running.ledger)) == 1


WRONG = {
    "empty": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "text": b'"x"',
    "no UTF-8": b'{"a": "\xff"}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "too large a number": b'{"a": 1e400}',
    "a number of ten thousand digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "a key twice": b'{"a": 1, "a": 2}',
    "a lone surrogate": rb'{"a": "\ud800"}',
    "a lone surrogate as a key": rb'{"\udc00": 1}',
    "NUL": rb'{"a": "\u0000"}',
    "33 deep": b'{"a":' * 33 + b"1" + b"}" * 33,
    "a hundred thousand deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep and torn": b"[" * 500_000,
    "a byte order mark": b"\xef\xbb\xbf{}",
}


def test_a_body_that_is_no_proper_json_object_is_answered_by_400(running):
    answers = {name: running.send(ours(body=body)).status_code for name, body in WRONG.items()}
    assert set(answers.values()) == {400}, answers
    assert waiting_deliveries(running.ledger) == ()


def test_what_is_32_deep_can_be_read():
    assert read_object(b'{"a":' * 32 + b"1" + b"}" * 32)


LACKING = {
    "the parameter is missing": {"timestamp": "2026-01-05T12:00:00Z"},
    "the parameter is a list": {"timestamp": "2026-01-05T12:00:00Z", "data": {"why": ["a"]}},
    "the parameter is empty": {"timestamp": "2026-01-05T12:00:00Z", "data": {"why": ""}},
    "the parameter is too long": {"timestamp": "2026-01-05T12:00:00Z", "data": {"why": "x" * 1_001}},
    "what holds the parameter is text": {"timestamp": "2026-01-05T12:00:00Z", "data": "why"},
    "there is no time": {"data": {"why": "a"}},
    "the time has no zone": {"timestamp": "2026-01-05T12:00:00", "data": {"why": "a"}},
    "the time is none": {"timestamp": "yesterday", "data": {"why": "a"}},
    "the time is true": {"timestamp": True, "data": {"why": "a"}},
    "the time is beyond years": {"timestamp": 1e300, "data": {"why": "a"}},
    "the time is at the end of years": {"timestamp": "9999-12-31T23:59:59-23:00", "data": {"why": "a"}},
    "the time is to come": {"timestamp": "2999-01-05T12:00:00Z", "data": {"why": "a"}},
}


def test_a_body_that_lacks_what_is_taken_from_it_is_answered_by_422(running):
    bodies = {name: json.dumps({"type": "model.drifted", **told}).encode() for name, told in LACKING.items()}
    answers = {name: running.send(ours(body=body)).status_code for name, body in bodies.items()}
    assert set(answers.values()) == {422}, answers


JSONS = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda one: st.lists(one))
PARTS = {"type": st.just("model.drifted") | JSONS, "timestamp": JSONS, "data": st.fixed_dictionaries({"why": JSONS})}
EVENTS = st.fixed_dictionaries({}, optional=PARTS)


@pytest.fixture(scope="module")
def sender():
    from decisionloop.service.configuration import FromBody, Sender
    from decisionloop.service.secret_values import KnownSender
    from tests.service.conftest import SECRET

    parameters = {"use_case": "credit_line", "reason": FromBody(body="data.why")}
    entry = Sender(
        scheme="standard", secrets=({"env": "X"},), events=("model.drifted",), start="a/b", parameters=parameters
    )
    return KnownSender("ours", entry, (SECRET.encode(),))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | EVENTS.map(lambda told: json.dumps(told).encode()))
def test_whatever_a_body_is_it_is_taken_in_or_refused_with_a_reason(sender, body):
    from decisionloop.ledger.schema import utc_now
    from decisionloop.service.receiving import DoesNotFit, received

    told: object = None
    with contextlib.suppress(BadBody, DoesNotFit):
        told = received(sender, ours(body=body).headers, body, utc_now())
    assert told is None or told.delivery.event_at.tzinfo is not None


def test_while_the_ledger_is_away_nothing_is_acknowledged_and_the_sender_is_told_to_come_again(serve, tmp_path):
    ledger = tmp_path / "broken.db"
    ledger.write_text("this is no database" * 100)
    answer = serve(url=f"sqlite:///{ledger}").send(ours())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
