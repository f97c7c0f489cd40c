"""Whatever is sent is answered, and never by a defect."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.conftest import one

FIXTURE_ONCE = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=150)
PLAIN = st.none() | st.booleans() | st.floats() | st.integers(-(10**400), 10**400) | st.text(max_size=5)
NAMES = st.sampled_from(
    ["entity", "features", "protected", "decided_at", "decisions", "turnover", "debt", "trade", "owner_sex", "outcomes",
     "decision_id", "class", "amount", "observed_at", "happened_at", "more"]
)  # fmt: skip
JSON = st.recursive(PLAIN, lambda part: st.lists(part, max_size=3) | st.dictionaries(NAMES, part, max_size=5))
ALMOST = st.builds(
    lambda entity, features, more: {"entity": entity, "features": features, **more},
    PLAIN | st.text(min_size=1, max_size=5),
    st.dictionaries(NAMES, PLAIN, max_size=4),
    st.dictionaries(NAMES, PLAIN, max_size=1),
)
OUTCOME = st.dictionaries(NAMES, PLAIN | st.sampled_from(["0" * 32, "2024-01-01T00:00:00Z", 1, 0]), max_size=6)


@pytest.fixture
def ledger(sqlite_ledger):
    """One engine is enough: what is refused reaches neither."""
    return sqlite_ledger


@FIXTURE_ONCE
@given(body=JSON | ALMOST | st.builds(lambda rows: {"decisions": rows}, st.lists(ALMOST, max_size=3)))
def test_no_body_of_decisions_is_answered_by_a_defect(online, body):
    assert online.decide(json.dumps(body).encode()).status_code in {200, 400, 409, 422}


@FIXTURE_ONCE
@given(place=st.integers(0, 200), byte=st.integers(0, 255), length=st.integers(0, 3))
def test_no_broken_byte_is_answered_by_a_defect(online, place, byte, length):
    body = json.dumps(one()).encode()
    broken = body[:place] + bytes([byte]) * length + body[place + 1 :]
    assert online.decide(broken).status_code in {200, 400, 422}


@FIXTURE_ONCE
@given(body=JSON | st.builds(lambda rows: {"outcomes": rows}, st.lists(OUTCOME | st.just({}), max_size=3)))
def test_no_body_of_outcomes_is_answered_by_a_defect(online, body):
    headers = {"content-type": "application/json"}
    answer = online.client.post("/v1/small/outcomes", content=json.dumps(body).encode(), headers=headers)
    assert answer.status_code in {200, 400, 422}
