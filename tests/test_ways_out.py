"""Seeded secrets over the ways out: no text that people or machines are told holds a password or a token."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from decisionloop.contract.credentials import credential_faults
from decisionloop.contract.written import read_yaml
from decisionloop.dispatch.answers import receipts_of
from decisionloop.dispatch.messages import OutgoingAction
from decisionloop.errors import ContractError, DeliveryRefused, Fault, SourceError
from decisionloop.ledger.alerts import NewAlert, append_alert
from decisionloop.ledger.schema import alert
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.masking import masked, remember_secret, without_secrets
from decisionloop.service.log import JsonLines
from decisionloop.telemetry.logs import _told
from tasks.tell.halting import Stop

SEED = "Zq7"
"""Begins every secret here, and stands in no other text: what holds it has leaked."""
PLAIN = st.text("abcdefXYZ0123456789-_.~", min_size=6, max_size=24).map(lambda rest: SEED + rest)
"""What a URL can hold as it is."""
WILD = st.text("abcXYZ019!$%&()*+,;=?@/#:{}[] ", min_size=6, max_size=24).map(lambda rest: f"{SEED}{rest}k")
"""What people make up; only who has read it knows where it ends."""
FORMS = (
    "postgresql+psycopg://me:{}@db:5432/ledger?sslmode=require",
    "http://user:{}@host/a",
    "https://{}@host/hook",
    "https://host/hook?a=1&access_token={}&b=2",
    "s3://host/x?X-Amz-Signature={}",
    "connection failed: host=db user=me password={} dbname=x",
    "connect(user='me', password='{}')",
    "{{'user': 'me', 'password': '{}'}}",
    "Authorization: Bearer {}",
    "Cookie: theme=dark; session={}",
    '{{"db_password": "x\\"{}"}}',
    "password:{}",
    "('authorization', 'Token {}')",
    "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----",
    "postgresql://me:p@{}@host/a",
)


@st.composite
def told(draw: st.DrawFn) -> str:
    """A text with a secret in it: by its form, or one that was read, bare and as a URL writes it."""
    form = draw(st.sampled_from(FORMS))
    if draw(st.booleans()):
        return f"it said {form.format(draw(PLAIN))} and gave up"
    secret = remember_secret(draw(WILD))
    return f"it said {secret}, and of {quote(secret, safe='')} nothing; {form.format(quote(secret, safe=''))}"


def _errors(text: str) -> str:
    fault = Fault("source.url", text, text, text)
    return f"{SourceError(text)} {SourceError(text)!r} {fault} {fault!r} {ContractError('here', [fault])}"


def _traceback(text: str) -> str:
    def step() -> None:
        try:
            raise OSError(5, "cannot be read", text)
        except OSError as error:
            raise ValueError(text) from error

    try:
        step()
    except ValueError as error:
        return "".join(traceback.format_exception(without_secrets(error)))
    raise AssertionError


def _receipt(text: str) -> str:
    action = OutgoingAction("d1", "small", "c1", datetime(2024, 1, 1, tzinfo=UTC), "offer")
    (refused,) = receipts_of([action], 200, b'{"refused": [{"decision_id": "d1", "reason": %s}]}' % _json(text))
    with pytest.raises(DeliveryRefused) as caught:
        receipts_of([action], 200, b'{"error": %s}' % _json(text))
    return f"{refused} {caught.value}"


def _json(text: str) -> bytes:
    return json.dumps(text).encode()


def _logs(text: str) -> str:
    record = logging.LogRecord("decisionloop.service", logging.WARNING, __file__, 1, "%s", (text,), None)
    record.detail, record.about = text, {"error": text}
    run = _told(None, "info", {"_record": record, "batch": "b"})
    return f"{JsonLines().format(record)} {run}"


def _stop(text: str) -> str:
    stop = Stop("validation", text, [text], [text])
    return f"{stop} {stop.check} {stop.remedy}".replace(str(stop.reasons), "").replace(str(stop.remedies), "")


def _contract(text: str) -> str:
    written = f"name: a\ndescription: b\nsource:\n  kind: custom # {text}\n  options: {{password: Zq7-abcdef}}\n"
    faults = list(credential_faults(written, read_yaml(written), ()))
    assert {one.line for one in faults} >= {5}
    return " ".join(map(str, faults))


@pytest.mark.parametrize("way", [_errors, _traceback, _receipt, _logs, _stop, _contract])
@given(text=told())
def test_no_way_out_tells_a_secret(way, text):
    assert SEED in text
    assert SEED not in way(text)
    assert masked(masked(text)) == masked(text)


def test_no_row_of_an_alert_holds_one(sqlite_ledger: Ledger):
    for form in FORMS:
        text = form.format(f"{SEED}-abc123")
        append_alert(sqlite_ledger, "small", NewAlert("critical", "failed_run", text, text))
    with sqlite_ledger.begin() as connection:
        rows = connection.execute(select(alert)).all()
    assert len(rows) == len(FORMS)
    assert SEED not in str(rows)


@given(text=told().filter(lambda text: "\n" not in text))
def test_a_contract_that_holds_one_by_its_form_is_a_fault(text):
    line = f"description: {text}"
    faults = list(credential_faults(f"name: a\n{line}\n", read_yaml("name: a\n"), ()))
    assert [one.line for one in faults] == [2]


NAMED = ["let_pass", "summer_pass", "boarding_pass", "bypass", "gift_token", "authorization", "secret", "token"]


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("value", ['"0"', '"amount * 0.02"', "2_500", "of the year"])
def test_what_a_contract_names_its_actions_and_features_opens_nothing(name: str, value: str):
    block = f"actions:\n  - name: {name}\neconomics:\n  value:\n    {name}: {value}\n"
    line = f"features: [{{name: {name}}}]\neconomics:\n  value: {{{name}: {value}, stop: '0'}}\n"
    for text in (block, line):
        assert not list(credential_faults(text, read_yaml(text), ()))


@pytest.mark.parametrize("name", ["cost_of_pass", "margin_pass", "cost_of_token"])
def test_a_sum_of_money_by_such_a_name_opens_nothing_and_a_text_by_it_does(name: str):
    text = "economics:\n  constants: {{{name}: {value}}}\n"
    told = text.format(name=name, value="63")
    assert not list(credential_faults(told, read_yaml(told), ()))
    told = text.format(name="db_pass", value=f"{SEED}-abc123")
    assert [one.line for one in credential_faults(told, read_yaml(told), ())] == [2]


@given(st.sampled_from(NAMED), st.sampled_from(["db_pass", "password", "secret_token", "api_key", "my_token"]))
def test_beside_such_a_name_what_opens_a_place_is_a_fault(name: str, other: str):
    text = f"actions: [{{name: {name}}}]\nsource:\n  {name}: x\n  {other}: {SEED}-abc123\n"
    (fault,) = credential_faults(text, read_yaml(text), ())
    assert fault.line == 4
    assert SEED not in str(fault)


@pytest.mark.parametrize("head", ["|", ">-", ""])
def test_a_contract_that_holds_one_over_several_lines_is_a_fault_where_it_begins(head):
    text = f"name: a\nsource:\n  kind: custom\n  api_key: {head}\n    {SEED}-abc123\n  table: t\n"
    (fault,) = credential_faults(text, read_yaml("name: a\n"), ())
    assert fault.line == 4
    assert SEED not in str(fault)
