"""One decision over HTTP: read strictly, decided, durable, answered once whatever comes again."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from decisionloop.ledger.batches import batches, events
from decisionloop.ledger.decision_search import Sought, find_decisions
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.kill_switch import engage
from decisionloop.ledger.release_history import decided_for
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.stream import unsealed_segments
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.stream.answers import Answer
from decisionloop.stream.asked import Asked, AskedRow
from tasks.seal import seal
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import SHOP, one
from tests.small_use_case import write_small


def test_a_decision_is_answered_in_words_and_is_in_the_ledger_by_then(online):
    answer = online.decide(one())
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["entity"], told["role"], told["fallback_reason"]) == ("shop-1", told["role"], None)
    assert told["reasons"] == ["high turnover"]
    assert 0 < told["propensity"] <= 1
    (segment,) = unsealed_segments(online.ledger, "small")
    assert json.loads(segment.record)["scores"]["decision_id"] == [told["decision_id"]]


@LEDGER_ON_ONE
def test_up_to_a_thousand_are_decided_together(online):
    answer = online.decide({"decisions": [one(f"shop-{i}") for i in range(1_000)]})
    assert answer.status_code == 200, answer.text
    assert [row["entity"] for row in answer.json()["decisions"]] == [f"shop-{i}" for i in range(1_000)]
    assert online.decide({"decisions": [one(f"shop-{i}") for i in range(1_001)]}).status_code == 422


def test_who_asks_while_a_thousand_are_decided_is_answered_before_them(online):
    decider, order = online.service.online[0].decider, []
    requests = {
        name: Asked([AskedRow(f"{name}-{i}", SHOP | {"owner_sex": "f"}) for i in range(rows)], None, None, "")
        for name, rows in (("many", 1_000), ("one", 1), ("another", 1))
    }
    for name, asked in requests.items():
        asked.told.add_done_callback(lambda _, name=name: order.append(name))
        decider.ask(asked)
    many = json.loads(requests["many"].told.result(timeout=60))
    assert order[-1] == "many"
    assert [row["entity"] for row in many] == [f"many-{i}" for i in range(1_000)]
    assert len({row["decided_at"] for row in many}) == 1


def test_an_answer_says_what_the_page_of_the_interface_promises(online):
    answer = online.decide(one('a shop with \u00e9 and "'))
    told = Answer.model_validate_json(answer.content)
    assert told.model_dump(mode="json") == answer.json()
    assert answer.json()["decided_at"].endswith("Z")


def test_what_was_decided_is_sealed_once_as_a_batch_of_the_ordinary_tables(online):
    told = [online.decide(one(f"shop-{i}")).json() for i in range(5)]
    where = f"/v1/small/decisions/{told[0]['decision_id']}"
    assert online.client.get(where).json()["batch_id"] is None
    assert online.seal() == 1
    assert online.seal() == 0
    assert online.client.get(where).json()["batch_id"].startswith("small/")
    (batch,) = batches(online.ledger, "small")
    assert batch.state == "complete"
    rows = decisions_of_batch(online.ledger, batch.batch_id)
    for column, name in (
        ("decision_id", "decision_id"),
        ("entity_id", "entity"),
        ("action", "action"),
        ("role", "role"),
    ):
        assert list(rows[column]) == [row[name] for row in told]


def test_every_decision_of_an_entity_is_found_also_those_within_one_batch(online):
    told = [online.decide(one(name)).json() for name in ("shop-1", "shop-2", "shop-1", "shop-1")]
    own = [row for row in told if row["entity"] == "shop-1"]
    online.seal()
    (batch,) = batches(online.ledger, "small")
    later = batch.as_of + timedelta(days=1)
    found = decided_for(online.ledger, "small", "shop-1", later)
    assert [row.decision_id for row in found] == [row["decision_id"] for row in own]
    assert [row.moment for row in found] == [datetime.fromisoformat(row["decided_at"]) for row in own]
    assert [row.stage for row in found] == ["champion"] * 3
    until = datetime.fromisoformat(own[1]["decided_at"])
    assert decided_for(online.ledger, "small", "shop-1", until) == found[:2]
    sought = Sought("small", batch.as_of, later, "shop-1")
    assert {row.decision_id for row in find_decisions(online.ledger, sought, 10)} == {row.decision_id for row in found}


@pytest.mark.parametrize("state", ["validated", "decided"])
def test_who_seals_a_batch_that_somebody_else_seals_meanwhile_finds_it_done(online, monkeypatch, state):
    for name in ("shop-1", "shop-2"):
        online.decide(one(name))
    looked, others = getattr(seal, state), []

    def overtaken(*given):
        """While one looks at the batch, another process seals all of it; the one sees something else then."""
        told = looked(*given)
        if not others:
            others.append(None)
            assert online.seal() == 1
            return told | {"seen": "later"}
        return told

    monkeypatch.setattr(seal, state, overtaken)
    online.seal()
    (batch,) = batches(online.ledger, "small")
    assert batch.state == "complete"
    states = [event.state for event in events(online.ledger, batch.batch_id)]
    assert states == ["opened", "gathered", "frozen", "validated", "scored", "decided", "complete"]


FAULTS = {
    "missing: turnover": {"turnover": None},
    "range: turnover": {"turnover": 5_000},
    "unseen category: trade": {"trade": "mine"},
    "range: turnover; missing: trade": {"turnover": -1, "trade": ""},
}


@LEDGER_ON_ONE
def test_a_faulty_row_is_left_to_the_rules_which_say_so(online):
    told = [online.decide(one(**features)).json() for features in FAULTS.values()]
    assert [row["fallback_reason"] for row in told] == list(FAULTS)
    assert {(row["role"], row["propensity"]) for row in told} == {("baseline", 1.0)}
    # The rules read turnover alone and would lend: without it the default action is left.
    lends = ["turnover" not in faults for faults in FAULTS]
    assert [row["action"] for row in told] == ["lend" if one else "hold" for one in lends]


NOT_JSON = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"shop"',
    b'{"entity": NaN, "features": {}}',
    b'{"entity": "a", "features": {"turnover": Infinity}}',
    b'{"entity": "a", "features": {"turnover": -Infinity}}',
    b'{"entity": "a", "features": {"turnover": 1e400}}',
    b'{"entity": "a", "entity": "b", "features": {}}',
    b'{"entity": "\\ud800", "features": {}}',
    b'{"entity": "a\\u0000", "features": {}}',
    b'{"entity": "\xff", "features": {}}',
    b'{"a":' * 33 + b"1" + b"}" * 33,
    b"[" * 100_000,
]
DOES_NOT_FIT = [
    {},
    {"entity": "a", "protected": {}},
    {"entity": "", "features": {}},
    {"entity": 7, "features": {}},
    {"entity": "a" * 201, "features": {}},
    {"entity": "a", "features": []},
    {"entity": "a", "features": {"unknown": 1}},
    {"entity": "a", "features": {}, "more": 1},
    {"entity": "a", "features": {"turnover": "100"}},
    {"entity": "a", "features": {"turnover": True}},
    {"entity": "a", "features": {"turnover": 10**400}},
    {"entity": "a", "features": {"turnover": {}}},
    {"entity": "a", "features": {"trade": 1}},
    {"entity": "a", "features": {"trade": "x" * 1_001}},
    {"entity": "a", "features": {}, "decided_at": "2024-01-01T00:00:00"},
    {"entity": "a", "features": {}, "decided_at": "2999-01-01T00:00:00Z"},
    {"entity": "a", "features": {}, "decided_at": "0001-01-01T00:00:00+23:59"},
    {"entity": "a", "features": {}, "decided_at": "1969-12-31T00:00:00Z"},
    {"entity": "a", "features": {}, "decided_at": 7},
    {"decisions": []},
    {"decisions": {}},
    {"decisions": [{"entity": "a", "features": {}}, {"entity": "a", "features": {}}]},
    {"decisions": [{"entity": "a", "features": {}}], "entity": "a", "features": {}},
]


@LEDGER_ON_ONE
def test_where_nothing_is_protected_nothing_may_be_said_of_it(decide_online):
    online = decide_online(protected=[])
    for protected in ({}, None):
        answer = online.decide({"entity": "a", "features": SHOP, "protected": protected})
        assert answer.status_code == 200, answer.text
    assert online.decide({"entity": "a", "features": SHOP, "protected": {"owner_sex": "f"}}).status_code == 422
    assert online.client.get("/openapi.json").status_code == 200


@LEDGER_ON_ONE
def test_a_contract_that_cannot_be_used_is_no_failure_of_the_rules(decide_online, ledger, tmp_path):
    before = write_small(tmp_path / "before").folder / "usecase.yaml"
    record_use_case(ledger, "small", "0" * 64, 1, before.read_text())
    online = decide_online()
    outcome = {"outcomes": [{"decision_id": "0" * 32, "class": 1}]}
    asked = online.decide(one()), online.client.post("/v1/small/outcomes", json=outcome)
    assert [answer.status_code for answer in asked] == [503, 503], [answer.text for answer in asked]
    assert all(answer.headers["retry-after"] for answer in asked)
    why_not = online.client.get("/ready").json()["why_not"]
    assert "Set `version: 2`" in why_not
    assert why_not.endswith("restart the service.")


@LEDGER_ON_ONE
def test_what_is_no_proper_json_is_refused_and_decides_nobody(online):
    assert [online.decide(body).status_code for body in NOT_JSON] == [400] * len(NOT_JSON)
    assert online.decide(b"{" + b" " * 1_048_576 + b"}").status_code == 413
    assert online.decide(one(), **{"content-type": "text/plain"}).status_code == 415
    assert not unsealed_segments(online.ledger, "small")


@LEDGER_ON_ONE
def test_what_does_not_fit_the_contract_is_refused_without_telling_what_was_sent(online):
    answers = [online.decide(body) for body in DOES_NOT_FIT]
    assert [answer.status_code for answer in answers] == [422] * len(DOES_NOT_FIT)
    assert not unsealed_segments(online.ledger, "small")
    secret = online.decide({"entity": "a", "features": {"turnover": "very secret"}})
    assert "secret" not in secret.text
    assert secret.json()["detail"][0]["where"] == "features.turnover"


@LEDGER_ON_ONE
def test_an_odd_number_is_decided_by_somebody(online):
    numbers = [1e308, -1e308, 5e-324, -0.0, 2**63, 2**1023]
    answers = [online.decide(one(**{name: number})) for name in ("turnover", "debt") for number in numbers]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert online.seal() == 1


def test_the_same_key_is_answered_the_same_and_decided_once(online):
    first = online.decide(one(), **{"idempotency-key": "k1"})
    again = online.decide(one(), **{"idempotency-key": "k1"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert online.decide(one(turnover=7), **{"idempotency-key": "k1"}).status_code == 422
    assert online.decide(one(), **{"idempotency-key": ""}).status_code == 400
    assert online.decide(one(), **{"idempotency-key": "x" * 256}).status_code == 400
    assert len(unsealed_segments(online.ledger, "small")) == 1


def test_fifty_at_once_with_one_key_decide_once(online):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: online.decide(one(), **{"idempotency-key": "one"}), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert len(unsealed_segments(online.ledger, "small")) == 1


def test_nobody_is_decided_twice_as_of_the_same_moment(online):
    body = {**one(), "decided_at": (utc_now() - timedelta(days=13)).isoformat()}
    assert online.decide(body).status_code == 200
    assert online.decide(body).status_code == 409
    assert online.seal() == 1
    assert online.decide(body).status_code == 409  # it is in the batch's tables as well


@LEDGER_ON_ONE
def test_nobody_is_decided_as_of_a_moment_whose_outcome_nobody_waits_for(online):
    body = {**one(), "decided_at": (utc_now() - timedelta(days=14, minutes=1)).isoformat()}
    answer = online.decide(body)
    assert answer.status_code == 422
    assert "nobody would wait for its outcome" in answer.json()["detail"]
    assert not unsealed_segments(online.ledger, "small")


def test_many_at_once_are_each_answered_about_their_own_shop(online):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: online.decide(one(f"shop-{i % 40}")), range(120)))
    assert [answer.json()["entity"] for answer in answers] == [f"shop-{i % 40}" for i in range(120)]
    assert len({answer.json()["decision_id"] for answer in answers}) == 120
    online.seal()
    rows = sum(len(decisions_of_batch(online.ledger, batch.batch_id)) for batch in batches(online.ledger, "small"))
    assert rows == 120


@LEDGER_ON_ONE
def test_the_openapi_page_tells_each_feature_with_its_unit_range_and_wording(online):
    page = online.client.get("/openapi.json").json()
    assert "/v1/small/decisions" in page["paths"]
    turnover = page["components"]["schemas"]["SmallFeatures"]["properties"]["turnover"]
    assert turnover["description"] == (
        "weekly turnover, in EUR. From 0 to 1000. "
        "Without it no model decides: the rules do, or it is the default action where they read it."
    )
    assert (turnover["x-unit"], turnover["x-range"]) == ("EUR", [0, 1000])
    named = set(_references(page))
    assert named <= {f"#/components/schemas/{name}" for name in page["components"]["schemas"]}


def _references(page):
    if isinstance(page, dict):
        for name, value in page.items():
            yield from [value] if name == "$ref" else _references(value)
    elif isinstance(page, list):
        for value in page:
            yield from _references(value)


def test_while_the_kill_switch_is_on_the_answer_says_so(online):
    from decisionloop.ledger.flags import KILL_SWITCH, set_flag

    online.decide(one("shop-0"))
    set_flag(online.ledger, "small", KILL_SWITCH, "on", "a test", "somebody")
    told = online.decide(one("shop-1")).json()
    assert (told["role"], told["propensity"], told["fallback_reason"]) == ("baseline", 1.0, "kill switch")
    assert online.seal() == 2  # each batch has one agreement about who decides


def test_a_switch_of_everything_stops_it_and_from_its_end_on_no_answer_is_given_under_it(online):
    from decisionloop.ledger.flags import KILL_SWITCH, NewFlag, put_flag
    from decisionloop.ledger.switch_lock import EVERYTHING

    online.decide(one("shop-0"))  # who decides is known for two seconds
    end = utc_now() + timedelta(seconds=0.5)
    put_flag(online.ledger, NewFlag(EVERYTHING, KILL_SWITCH, "on", "a test", "somebody", None, end))
    assert online.decide(one("shop-1")).json()["fallback_reason"] == "kill switch"
    time.sleep(max(0.0, (end - utc_now()).total_seconds()))
    assert online.decide(one("shop-2")).json()["fallback_reason"] is None


def test_while_the_ledger_is_away_nobody_is_decided(online, monkeypatch):
    from sqlalchemy.exc import OperationalError

    online.decide(one("shop-0"))

    def away(*_):
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr("decisionloop.stream.decider.commit", away)
    answer = online.decide(one("shop-1"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    monkeypatch.undo()
    assert online.decide(one("shop-1")).status_code == 200


@LEDGER_ON_ONE
def test_past_the_queue_a_request_is_told_to_come_again(online, monkeypatch):
    monkeypatch.setattr("decisionloop.stream.waiting.MOST_WAITING", 0)
    answer = online.decide(one())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_whoever_is_answered_after_the_switch_is_acknowledged_is_decided_under_it(online):
    done = threading.Event()

    def ask(place):
        number = 0
        while not done.is_set():
            number += 1
            assert online.decide(one(f"shop-{place}-{number}")).status_code == 200

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, place) for place in range(4)]
        _until(lambda: len(unsealed_segments(online.ledger, "small")) > 10)
        engage(online.ledger, "small", "a test", "somebody", 0)
        before = {segment.segment_id for segment in unsealed_segments(online.ledger, "small")}
        _until(lambda: len(unsealed_segments(online.ledger, "small")) > len(before) + 10)
        done.set()
        for asker in asking:
            asker.result()
    after = [one for one in unsealed_segments(online.ledger, "small") if one.segment_id not in before]
    assert {json.loads(segment.deciders)["rules_because"] for segment in after} == {"kill switch"}


def _until(condition):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)
