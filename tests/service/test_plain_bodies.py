"""A body that one look is enough for says what it says to every reader; of all others the strict reader is asked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract import load_use_case
from decisionloop.service.bodies import read_object
from decisionloop.service.decision_bodies import DecisionBodies
from tests.service.conftest import one
from tests.service.test_deciding_fuzzed import ALMOST, FIXTURE_ONCE, JSON
from tests.small_use_case import write_small


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    return DecisionBodies(load_use_case(write_small(tmp_path_factory.mktemp("plain")).folder).use_case)


def agrees(bodies, body):
    """Whether it was read at one look; then the strict reader takes it as well, for the same."""
    plain = bodies.asked_plainly(body, "a key")
    if plain is None:
        return False
    assert "decisions" not in read_object(body)
    strict = bodies.asked(body, False, "a key")
    assert (plain.rows, plain.decided_at, plain.body_digest) == (strict.rows, strict.decided_at, strict.body_digest)
    return True


def test_what_is_usually_asked_is_read_at_one_look(bodies):
    assert agrees(bodies, json.dumps(one()).encode())
    assert agrees(bodies, b' {"entity":"a"} ')
    assert agrees(bodies, '{"entity": "Zoë", "features": null}'.encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"entity": "a", "entity": "b"}',
        b'{"entity": "a", "features": {"debt": 1, "debt": 2}}',
        b'{"entity": "a", "features": {"debt": 1}, "features": {}}',
        b'{"entity": "\\ud800"}',
        b'{"entity": "\\u0000"}',
        b'{"entity": "a", "features": {"debt": NaN}}',
        b'{"entity": "a", "features": {"debt": 1e400}}',
        b'{"entity": "a", "features": {"turn\\u006fver": 1, "turnover": 2}}',
        b'{"entity": "a:b"}',
        b'{"decisions": [{"entity": "a"}]}',
        b'{"entity": "\xed\xa0\x80"}',
        b'{"entity": "a"} {}',
    ],
)
def test_whatever_readers_might_differ_about_is_left_to_the_strict_one(bodies, body):
    assert bodies.asked_plainly(body, None) is None


@FIXTURE_ONCE
@given(JSON | ALMOST, st.integers(0, 60), st.binary(max_size=2))
def test_whatever_is_sent_one_look_and_the_strict_reader_agree(bodies, content, place, broken):
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
    agrees(bodies, body)
    agrees(bodies, body[:place] + broken + body[place:])
