"""A request is taken in only where its bytes prove its sender: the published vectors, times, rotation, malformed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.service.signatures import SCHEMES, NotSigned
from tests.service.conftest import NEXT_SECRET, github, ours

# Of the Standard Webhooks specification's own libraries.
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
SENT = datetime.fromtimestamp(1614265330, UTC)
# Of GitHub's page "Validating webhook deliveries".
GITHUB_SECRET, GITHUB_BODY = "It's a Secret to Everybody", b"Hello, World!"
GITHUB_HEADERS = {
    "x-github-delivery": "72d3162e",
    "x-github-event": "ping",
    "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
}


def standard(headers=STANDARD_HEADERS, body=STANDARD_BODY, now=SENT, secret=STANDARD_SECRET):
    scheme = SCHEMES["standard"]
    return scheme.delivery_id(headers, body, [scheme.key_of(secret)], now)


def of_github(headers=GITHUB_HEADERS, body=GITHUB_BODY, secret=GITHUB_SECRET):
    scheme = SCHEMES["github"]
    return scheme.delivery_id(headers, body, [scheme.key_of(secret)], SENT)


def test_the_published_vector_of_standard_webhooks_holds():
    assert standard() == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_the_published_vector_of_github_holds():
    assert of_github() == "72d3162e"


def test_what_mlflow_signs_is_proved():
    """With MLflow's own function; the whole of MLflow is loaded for it."""
    from mlflow.webhooks.delivery import _generate_hmac_signature

    body = json.dumps({"entity": "model_version_alias", "action": "created", "data": {"name": "é"}})
    seconds = str(int(SENT.timestamp()))
    signature = _generate_hmac_signature("a secret", "8f14e45f", seconds, body)
    headers = {"x-mlflow-delivery-id": "8f14e45f", "x-mlflow-timestamp": seconds, "x-mlflow-signature": signature}
    assert SCHEMES["mlflow"].delivery_id(headers, body.encode(), [b"a secret"], SENT) == "8f14e45f"
    with pytest.raises(NotSigned):
        SCHEMES["mlflow"].delivery_id(headers, body.encode(), [b"another"], SENT)


@pytest.mark.parametrize("off", [-299, 299, -300, 300])
def test_a_time_within_five_minutes_is_taken(off):
    assert standard(now=datetime.fromtimestamp(1614265330 + off, UTC))


@pytest.mark.parametrize("off", [-301, 301, -10_000_000, 10_000_000])
def test_a_time_further_away_is_refused(off):
    with pytest.raises(NotSigned, match="away from now"):
        standard(now=datetime.fromtimestamp(1614265330 + off, UTC))


@settings(max_examples=50)
@given(st.integers(0, len(STANDARD_BODY) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_body_is_noticed(place, change):
    body = bytearray(STANDARD_BODY)
    body[place] ^= change
    with pytest.raises(NotSigned):
        standard(body=bytes(body))


@pytest.mark.parametrize("name", STANDARD_HEADERS)
def test_each_header_of_standard_webhooks_is_needed(name):
    with pytest.raises(NotSigned, match=f"{name} is missing"):
        standard({other: value for other, value in STANDARD_HEADERS.items() if other != name})


@pytest.mark.parametrize("name", GITHUB_HEADERS)
def test_each_header_of_github_is_needed(name):
    with pytest.raises(NotSigned, match=f"{name} is missing"):
        of_github({other: value for other, value in GITHUB_HEADERS.items() if other != name})


def test_one_good_signature_of_several_is_enough_and_other_versions_say_nothing():
    good = STANDARD_HEADERS["webhook-signature"]
    other = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    assert standard({**STANDARD_HEADERS, "webhook-signature": f"{other} v1a,whatever {good}"})
    with pytest.raises(NotSigned):
        standard({**STANDARD_HEADERS, "webhook-signature": good.replace("v1,", "v2,")})


MALFORMED = {
    "webhook-id": ["", "a.b", "a b", "msg\x00", "é", "x" * 201, "msg_1\n"],
    "webhook-timestamp": ["", "soon", "-5", "+1614265330", "1614265330.5", "١٦١٤٢٦٥٣٣٠", "²", "1e9", "9" * 13, " 16"],
    "webhook-signature": [
        "",
        "v1",
        "v1,",
        "v1,!!!",
        "v1,aGVsbG8",
        "v1,AAAA",
        "v2,AAAA",
        ",",
        " ",
        "v1,é",
        "v1," * 2000,
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, one) for name, values in MALFORMED.items() for one in values])
def test_a_malformed_header_of_standard_webhooks_is_refused(name, value):
    with pytest.raises(NotSigned):
        standard({**STANDARD_HEADERS, name: value})


GOOD = GITHUB_HEADERS["x-hub-signature-256"]
NOT_GITHUB = ["", "sha256=", GOOD[:-1], GOOD + "0", GOOD.upper(), GOOD[7:], "sha256=" + "g" * 64, "sha1=" + GOOD[7:47]]


@pytest.mark.parametrize("value", NOT_GITHUB)
def test_a_malformed_signature_of_github_is_refused(value):
    with pytest.raises(NotSigned):
        of_github({**GITHUB_HEADERS, "x-hub-signature-256": value})


@given(st.dictionaries(st.sampled_from(sorted(STANDARD_HEADERS)), st.text(max_size=80)))
@settings(max_examples=50)
def test_whatever_the_headers_are_the_answer_is_that_nothing_is_proved(changed):
    if any(STANDARD_HEADERS[name] != value for name, value in changed.items()):
        with pytest.raises(NotSigned):
            standard({**STANDARD_HEADERS, **changed})


@pytest.fixture
def ledger(sqlite_ledger):
    """One engine is enough: what is asked here does not touch the ledger."""
    return sqlite_ledger


def test_over_http_every_malformed_header_is_answered_by_401(running):
    signed, answers = ours(), {}
    for name, value in ((name, one) for name, values in MALFORMED.items() for one in values):
        headers = {**signed.headers, name: value.encode()}  # bytes are sent as they are
        answers[name, value] = running.client.post(signed.path, content=signed.body, headers=headers).status_code
    assert set(answers.values()) == {401}, answers


def test_a_header_given_twice_is_answered_by_401(running):
    signed = ours()
    headers = [*signed.headers.items(), ("webhook-id", "msg_2")]
    assert running.client.post(signed.path, content=signed.body, headers=headers).status_code == 401


def test_both_secrets_are_valid_while_they_are_exchanged(running):
    assert running.send(ours("msg_1")).status_code == 202
    assert running.send(ours("msg_2", secret=NEXT_SECRET)).status_code == 202
    assert running.send(ours("msg_3", secret="of somebody else altogether")).status_code == 401


@pytest.mark.parametrize(("off", "status"), [(-299, 202), (298, 202), (-302, 401), (302, 401)])
def test_over_http_the_time_must_be_near(running, off, status):
    assert running.send(ours(off_seconds=off)).status_code == status


def test_the_signature_of_one_sender_does_not_do_for_another(running):
    stolen = github()
    assert running.client.post("/v1/webhooks/registry", content=stolen.body, headers=stolen.headers).status_code == 401
