"""A secret is masked whatever it is made of and whoever wrote the text: JSON, Python, YAML, headers, URLs, keys."""

from __future__ import annotations

import errno
import json
import os
import time
from base64 import b64encode
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.secret_forms import SHOWN, masked_by_form

CORE = "S3cretPw"
ANYTHING = st.text(st.sampled_from("ab\\\\\"\"'', :;={}[]@%/?#&|>-\n\té0"), max_size=8)
ONE_WORD = st.text(st.sampled_from("ab\\@%/+.-_~é0!^*()"), max_size=8)
NAMES = st.sampled_from(
    ["password", "db_password", "PGPASSWORD", "passphrase", "clientSecret", "refresh_token", "X-Api-Key", "private_key",
     "aws_secret_access_key", "Authorization", "Set-Cookie"]
)  # fmt: skip
IN_SENTENCES = st.sampled_from(["password", "db_password", "passwd", "passphrase"])


def secrets(around: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda before, after: f"{before}{CORE}{after}", around, around)


def assert_masked(text: str, *kept: str) -> None:
    told = masked_by_form(text)
    assert CORE not in told
    assert SHOWN in told
    assert masked_by_form(told) == told
    for one in kept:
        assert one in told


@given(secrets(ANYTHING), NAMES, st.integers(0, 3), st.booleans())
def test_in_json_however_often_it_was_written_into_a_string(secret, name, depth, is_ascii):
    text = json.dumps({"before": "b1", name: secret, "after": "a1"}, ensure_ascii=is_ascii)
    for _ in range(depth):
        text = json.dumps({"body": text})
    assert_masked(text, "b1", "a1")


@given(secrets(ANYTHING), NAMES, st.integers(1, 60))
def test_in_json_that_was_cut_off(secret, name, left):
    text = json.dumps({name: secret})
    told = masked_by_form(text[: text.index(CORE) + len(CORE) + left])
    assert CORE not in told


@given(secrets(ANYTHING), NAMES, st.sampled_from([str, str.encode]))
def test_in_what_python_shows_of_a_mapping_or_of_a_call(secret, name, kind):
    assert_masked(repr({"before": "b1", name: kind(secret)}), "b1")
    assert_masked(f"connect(user='me', {name.replace('-', '_')}={kind(secret)!r}, host='h1')", "me")


@given(secrets(ANYTHING), st.sampled_from(["password", "api_key", "token"]), st.sampled_from(["'", '"', "|", ">"]))
def test_in_yaml_of_every_style_that_holds_more_than_a_word(secret, name, style):
    secret = f"a{secret}".replace("\t", " ")  # else there are styles that it cannot have, and YAML takes another
    text = yaml.dump({"source": {name: secret, "table": "t1"}}, default_style=style, allow_unicode=True, width=1000)
    assert_masked(text, "t1")


@given(
    secrets(ONE_WORD), IN_SENTENCES, st.sampled_from(["{}: {}", "{}:{}", "{} = {}", "{}={}", "- {}: {}", "x; {}={}"])
)
def test_after_a_name_without_quotes(secret, name, form):
    assert_masked(form.format(name, f"a{secret}a"))


@given(secrets(st.text(st.sampled_from("abc%40+.-_~0"), max_size=6)))
def test_in_headers(secret):
    code = b64encode(f"me:{secret}".encode()).decode()
    for told in (
        f"Cookie: theme=dark; session={secret}; x=y",
        f"set-cookie: sid={secret}; Path=/; HttpOnly",
        f"Authorization: Bearer {secret}",
        f'authorization: Digest username="me", response="{secret}"',
        f"('authorization', 'Token {secret}')",
        f"[(b'host', b'h1'), (b'cookie', b'sid={secret}')]",
        f"X-Amz-Security-Token: {secret}",
    ):
        assert_masked(told)
    assert code not in masked_by_form(f"Proxy-Authorization: Basic {code}")
    assert code not in masked_by_form(f"curl -H 'authorization:basic {code}'")


@given(secrets(st.text(max_size=6)), st.sampled_from(["postgresql", "https", "amqp+ssl"]))
def test_in_a_url_as_it_must_be_written(secret, scheme):
    written = quote(secret, safe="")
    assert_masked(f"{scheme}://me:{written}@host.example/db?a=1", "//me", "@host.example/db?a=1")
    assert_masked(f"GET https://h/x?a=1&access_token={written}&b=2 HTTP/1.1", "a=1", "&b=2")
    assert_masked(f"https://h/x#id_token={written}&state=s", "&state=s")
    assert_masked(json.dumps(f"{scheme}://me:{written}@h/").replace("/", "\\/"), "me")
    assert CORE not in masked_by_form(quote(f"{scheme}://me:{quote(written)}@h/", safe=""))


@given(secrets(st.text(st.sampled_from("ab@@%40/?#'\"<+:0"), max_size=6)))
def test_in_a_url_as_people_write_it(secret):
    assert_masked(f"postgresql://me:a{secret}a@host/db cannot be reached", "cannot be reached")


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("wrap", [str, json.dumps, lambda text: text[:60], lambda text: f"private_key: |\n  {text}\n"])
def test_in_a_private_key_whole_or_cut_off(kind, wrap):
    key = f"-----BEGIN {kind}PRIVATE KEY-----\n{CORE}\n{'M' * 64}\n{'N' * 9}\n-----END {kind}PRIVATE KEY-----"
    told = masked_by_form(f"before {wrap(key)}")
    assert CORE not in told
    assert "MM" not in told
    assert "before" in told


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "password = None, token=True, secret: {file: /run/secrets/x}, password: *** and $(cat /run/x)",
        "password_file=/run/secrets/password; password_env: PGPASSWORD; token_type=bearer",
        "features:\n  - {name: token, type: number}\n  - {name: cookies, wording: number of cookies}",
        "economics:\n  constants: {cookie: 5, token: 0.5}",
        "password:\n  is missing in the file\n",
        "password: is missing here",
        "/run/secrets/ledger_password: No such file or directory",
        "/run/secrets/ledger_password: Permission denied. Check DECISIONLOOP_LEDGER_PASSWORD_FILE.",
        "ledger_password: Input/output error",
        "password: Field required",
        "the password is missing. The token is invalid: the password was wrong",
        "the token is customer_id, the secret is out",
        "https://h/x?code=404 https://h/x?country_code=12345678",
        "Cookie: none was sent",
        "one of ('password', 'token', 'authorization') is missing",
        "https://h/x?max_tokens=4096#section",
        "host:80,anna@example.com http://h:8080/a@b",
        "the key: it opens the door; compass=north broken: yes",
        "--token-file /run/secrets/x --password is asked for",
        "risk-1234567890123456789012 is an id",
        "account_key: customer_id\nfeatures: []",
        "entity:\n  account_key: customer_id",
        "sk-or-not-sk-that-is-the-question",
        "sk-learn-is-a-library-that-we-use",
        'cost: {let_pass: "0", boarding_pass: "12.50", stop: "0"} by_pass=free season_pass: yearly',
        'value: {summer_pass: "0", db_token: "-3.50", secret: "7"} token_count: 12345678 key_account: "Acme Ltd"',
        "password: Connection refused",
        "db_password: Name or service not known",
        "12:00:01 ERROR password: Login failed for user me",
        "[INFO] password: required. (db) password: expired",
        "https://h/x?code=EUR https://h/x?code=40001",
        'names = ("the password is ", "the token was ")',
        "the password is case-sensitive; the password is WRONG, the secret was set to expire",
    ],
)
def test_what_opens_nothing_stays(text):
    assert masked_by_form(text) == text


@given(
    st.sampled_from(["let_pass", "boarding_pass", "by_pass", "day_pass", "bypass", "key_account", "token_count"]),
    st.sampled_from(['{{{}: "{}", stop: "0"}}', "{}: {}", "{}={}", "{{'{}': '{}'}}"]),
    st.from_regex(r"[a-z]{1,8}|[0-9]{1,9}(\.[0-9]{1,4})?", fullmatch=True),
)
def test_an_ordinary_name_is_none(name, form, value):
    text = form.format(name, value)
    assert masked_by_form(text) == text


@given(
    secrets(ONE_WORD.filter(lambda text: "*" not in text)),
    st.sampled_from(["db_pass", "DB_PASS", "outlet_pass", "smtp_pass", "wifi_pass", "birthday_pass", "gift_token"]),
    st.sampled_from(['{{{}: "{}", stop: "0"}}', "{{'{}': '{}'}}"]),
)
def test_a_name_that_only_ends_like_one_opens_a_place(secret, name, form):
    assert CORE not in masked_by_form(form.format(name, secret.replace("\\", "").replace("'", "")))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("password: correct horse battery staple", "password: ***"),
        ("db:\n  db_password: correct horse battery\n  user: anna", "db:\n  db_password: ***\n  user: anna"),
        ("{password: correct horse, user: anna}", "{password: ***, user: anna}"),
        ("user anna, password: hunter2 was rejected, again", "user anna, password: ***, again"),
        ("password: o'brien horse", "password: ***"),
        ('{"msg": "password: correct horse", "user": "x"}', '{"msg": "password: ***", "user": "x"}'),
        ("Login failed for password: Tr0ub4dor and more", "Login failed for password: *** and more"),
        ("the password is hunter2", "the password is ***"),
        ("My password is: Hunter2!", "My password is: ***!"),
        ("its password has been set to 'swordfish'.", "its password has been set to '***'."),
        ("The token is abc12345xyz", "The token is ***"),
        ("https://h/cb?code=4/0AfJohXk&state=1", "https://h/cb?code=***&state=1"),
        ("https://h/cb?code=ab12c", "https://h/cb?code=***"),
        ("https://h/cb?state=1&code=abc", "https://h/cb?state=1&code=***"),
        ("the password is hunter tiger", "the password is ***"),
        ("the password is hunter tiger and the user is anna", "the password is *** and the user is anna"),
        ("2026-11-30 12:00:01,123 [INFO] password: correct horse", "2026-11-30 12:00:01,123 [INFO] password: ***"),
        ("(db) password: correct horse", "(db) password: ***"),
        ("the secret was set to swordfish", "the secret was set to ***"),
        ("the client secret was changed to 'sword fish'.", "the client secret was changed to '***'."),
        ('log("the password is hunter tiger", 1)', 'log("the password is ***", 1)'),
        ("`the password is hunter tiger` tells one", "`the password is ***` tells one"),
        ("the password is 'correct horse battery', it says", "the password is '***', it says"),
    ],
)
def test_several_words_sentences_and_codes(text, told):
    assert masked_by_form(text) == told
    assert masked_by_form(told) == told


_CHOSEN_WORDS = st.lists(
    st.sampled_from(["hunter", "tiger", "swordfish", "battery", "zebra", "falcon", "horse", "ninja", "walrus"]),
    min_size=1,
    max_size=5,
).map(" ".join)
_BEFORE = st.sampled_from(
    [
        "",
        "2026-11-30 ",
        "2026-11-30T12:00:01.5Z ",
        "[2026-11-30 12:00:01] ",
        "12:00:01,123 WARNING ",
        "[ERROR] ",
        "(x) ",
    ]
)
_NO_SECRETS = st.sampled_from(
    ["wrong", "not set", "missing in the file", "too short", "longer than 72 bytes", "sent by mail", "read at start",
     "stored encrypted", "kept for a year", "the same as before", "required by the server", "optional", "out of date",
     "case-sensitive", "never logged", "yours to choose", "hidden", "asked for once", "older than 90 days", "invalid"]
)  # fmt: skip


@given(_CHOSEN_WORDS, st.sampled_from(["password", "passphrase"]), st.sampled_from(["is", "was", "has been set to"]))
def test_plain_words_that_a_sentence_tells(words, name, verb):
    assert masked_by_form(f"So the {name} {verb} {words}.") == f"So the {name} {verb} {SHOWN}."
    assert (
        masked_by_form(f"its {name} {verb} {words} and h1 is the host")
        == f"its {name} {verb} {SHOWN} and h1 is the host"
    )


@given(_CHOSEN_WORDS, st.sampled_from(["secret", "token", "api key", "password"]), st.sampled_from(["'", '"', "`"]))
def test_what_is_quoted_is_masked_to_its_other_end(words, name, quote):
    assert (
        masked_by_form(f"the {name} was set to {quote}{words}{quote}.")
        == f"the {name} was set to {quote}{SHOWN}{quote}."
    )


@given(_CHOSEN_WORDS, _BEFORE, st.sampled_from(["password", "db_password"]))
def test_whatever_a_log_writes_before_it(words, before, name):
    assert masked_by_form(f"{before}{name}: {words}") == f"{before}{name}: {SHOWN}"


@given(_NO_SECRETS, st.sampled_from(["password", "passphrase", "secret", "token"]), st.sampled_from(["is", "was"]))
def test_what_a_sentence_says_of_a_password_is_none(words, name, verb):
    text = f"The {name} {verb} {words}. Ask the owner."
    assert masked_by_form(text) == text


@given(
    st.sampled_from(sorted(os.strerror(one) for one in errno.errorcode)), _BEFORE, st.sampled_from(["password", "pwd"])
)
def test_nor_is_what_the_system_says_of_its_file(said, before, name):
    for text in (
        f"{before}{name}: {said}",
        f"{before}/run/secrets/{name}: {said}",
        f"{before}{name}: {said}: '/run/x'",
    ):
        assert masked_by_form(text) == text


LONG_LINES = [
    *("token: 'abc', ", 'secret: "x", ', "password: a; ", "authorization: x, ", "{id: 7, token: geheim, name: x}, "),
    *("password: a b ", "x password: is c ", "the password is ", "the password is a1b "),
    *("the password is hunter tiger ", "the secret was set to 'a ", "[INFO] password: ", "2026-11-30 password: a b "),
    *("%3A%2F%2F", "%3A%2F%2Fa%3Ab", "//a:b", "//a:@", "authorization:", "set-cookie:", "token:/", "eyJaaaaaaaa-"),
]


@pytest.mark.parametrize("piece", LONG_LINES)
def test_the_work_grows_with_one_long_line_and_not_with_its_square(piece):
    """Only time tells: four times the text takes four times as long, and sixteen times where it is the square."""
    took = []
    for size in (20_000, 80_000):
        text, before = piece * (size // len(piece)), time.process_time()
        masked_by_form(text)
        took.append(time.process_time() - before)
    assert took[1] < 8 * took[0] + 0.1


@pytest.mark.parametrize(
    ("head", "piece"),
    [("token:", ","), ('token: "', "\\"), ("?", "token"), ("", "a"), ("token: ", "]"), ("https://", "a.")],
)
def test_nor_with_the_square_of_one_long_value(head, piece):
    took = []
    for size in (20_000, 80_000):
        text, before = f"{head}{piece * (size // len(piece))}x://y", time.process_time()
        masked_by_form(text)
        took.append(time.process_time() - before)
    assert took[1] < 8 * took[0] + 0.1
