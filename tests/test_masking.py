"""Nothing that opens a place is told: not by an error, whoever words it, nor by a fault of a contract."""

from __future__ import annotations

import pytest

from decisionloop.errors import BatchHalted, ContractError, Fault, SourceError
from decisionloop.masking import SHOWN, holds_secret, masked

SECRET = "S3cret-Pw"


@pytest.mark.parametrize(
    "text",
    [
        f"http://user:{SECRET}@host/a",
        f"https://{SECRET}@host/a",
        f"postgresql+psycopg://me:{SECRET}@db/ledger?sslmode=require",
        f"postgresql:///db?user=me&password={SECRET}",
        f"postgresql//me:{SECRET}@db:54x32/ledger",
        f"https://host/hook?a=1&access_token={SECRET}&b=2",
        f"https://host/hook?api-key={SECRET}",
        f"https://blob/x?sv=1&sig={SECRET}",
        f"connection failed: host=db user=me password={SECRET} dbname=x",
        f"connection failed: password='{SECRET}'",
        f"Authorization: Bearer {SECRET}",
        f"PGPASSWORD={SECRET} psql",
        f"sslpassword={SECRET}",
        f"AccountKey={SECRET};EndpointSuffix=x",
        f"{{'X-Api-Key': '{SECRET}'}}",
        f"source:\n  password: {SECRET}\n  table: x",
        f"- db_password: '{SECRET}'",
        f"{{user: me, token: {SECRET}}}",
        f"Authorization: Token {SECRET}",
        f"authorization: Basic {SECRET}",
        f"curl -H 'Authorization: {SECRET}'",
        f"https://to/{SECRET}@host.example.com/x",
        f"postgresql://me:pw/{SECRET}@db/x",
    ],
)
def test_what_opens_a_place_is_masked_wherever_it_stands(text):
    assert SECRET not in masked(text)
    assert SHOWN in masked(text)
    assert masked(masked(text)) == masked(text)
    error = SourceError(f"{text} cannot be read. Correct it.")
    fault = Fault("source.url", text, f"{text} is none", "Correct it.")
    halted = BatchHalted("small/2024-01-01", text, "Look.")
    for told in (str(error), repr(error), str(fault), repr(fault), str(ContractError("here", [fault])), str(halted)):
        assert SECRET not in told


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://reader@host/warehouse",
        "http://127.0.0.1:8099/actions?chunk=1",
        "s3://bucket/decisionloop",
        "ask anna@example.com: the key of customers is missing",
        "sqlite:////var/lib/ledger.db",
        "//server/share and anna@example.com",
        "https://registry:5000/loans@sha256:0a1b",
        "https://cdn.example.com/loans@2.0.1",
        "https://api/chat?max_tokens=4096&author=anna",
        "Basic Information and Bearer certificates; a token exchange",
        "password: is missing in the file. Token: say which one.",
        "economics:\n  constants: {token: 5, secret: 0.5}",
        "password: ${PGPASSWORD}",
        "Authorization: required of everybody",
    ],
)
def test_what_opens_nothing_is_told(text):
    assert masked(text) == text
    assert not holds_secret(text)


def test_a_password_that_is_a_word_leaves_longer_words_as_they_are(monkeypatch):
    monkeypatch.setenv("POSTGRES_PASSWORD", "postgres")
    assert masked("postgresql://db is out of reach: postgres was refused") == (
        f"postgresql://db is out of reach: {SHOWN} was refused"
    )


def test_a_pair_of_user_and_password_is_masked_and_a_word_is_not():
    assert masked("Basic dXNlcjpwYXNzd29yZA==") == f"Basic {SHOWN}"
    assert masked("Basic Training") == "Basic Training"


def test_a_number_of_tokens_is_no_token(monkeypatch):
    monkeypatch.setenv("MAX_TOKENS", "100000000")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "disallowed")
    assert masked("100000000 rows, disallowed") == "100000000 rows, disallowed"
    monkeypatch.setenv("API_TOKENS", "aaaabbbbcccc")
    assert masked("aaaabbbbcccc") == SHOWN
