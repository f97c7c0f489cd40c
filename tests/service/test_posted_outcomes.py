"""Outcomes over HTTP: kept at once, told row by row, and taken in with those of the source."""

from __future__ import annotations

import json

import pytest

from decisionloop.ledger.outcomes import intakes, recorded_outcomes
from decisionloop.ledger.schema import utc_now
from tasks.observe.outcomes import BEGINNING, read_outcomes
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import one

LENT = {"turnover": 100.0}
"""Rules lend to such a shop, which reveals what becomes of it."""


def post(online, *rows):
    """The answer to a request that tells outcomes."""
    headers = {"content-type": "application/json", **online.headers}
    return online.client.post("/v1/small/outcomes", content=json.dumps({"outcomes": list(rows)}), headers=headers)


def became(answer):
    """What became of each row."""
    assert answer.status_code == 200, answer.text
    return [row["became"] for row in answer.json()["rows"]]


def lent(online, count=3):
    """Decisions to lend, as they were answered."""
    told = [online.decide(one(f"shop-{i}", **LENT)).json() for i in range(6 * count)]
    found = [row for row in told if row["action"] == "lend"][:count]
    assert len(found) == count
    return found


def test_each_row_is_told_what_it_becomes_and_the_next_reading_says_the_same(online):
    first, second, third = lent(online)
    assert became(post(online, {"decision_id": first["decision_id"], "class": 1})) == ["waiting"]
    online.seal()
    answer = post(
        online,
        {"decision_id": second["decision_id"], "class": 0},
        {"entity": third["entity"], "decided_at": third["decided_at"], "class": 1},
        {"decision_id": second["decision_id"], "class": 0},
        {"decision_id": "0" * 32, "class": 1},
        {"entity": "nobody", "decided_at": third["decided_at"], "class": 1},
        {"decision_id": third["decision_id"], "class": 0.5},
    )
    assert became(answer) == ["first", "first", "duplicate", "unknown", "unknown", "invalid"]
    assert answer.json()["counts"] == {"first": 2, "duplicate": 1, "unknown": 2, "invalid": 1}
    assert became(post(online, {"decision_id": second["decision_id"], "class": 1})) == ["contradictory"]
    now = utc_now()
    read_outcomes.fn("small", now)
    recorded = recorded_outcomes(online.ledger, "small", BEGINNING, now)
    latest = recorded.sort_values("revision").drop_duplicates("decision_id", keep="last").set_index("decision_id")
    told = {one["decision_id"]: latest["outcome_class"][one["decision_id"]] for one in (first, second, third)}
    assert list(told.values()) == [1, 1, 1]
    (books,) = intakes(online.ledger, "small")
    assert (books.first, books.contradictory, books.invalid) == (3, 1, 1)


def state(online):
    """The class that counts now of each decision that has one."""
    read_outcomes.fn("small", utc_now())
    recorded = recorded_outcomes(online.ledger, "small", BEGINNING, utc_now())
    latest = recorded.sort_values("revision").drop_duplicates("decision_id", keep="last")
    return dict(zip(latest["decision_id"], latest["outcome_class"], strict=True))


@pytest.mark.parametrize("is_read", [False, True], ids=["before it is read", "after it was read"])
def test_a_correction_of_what_was_seen_at_the_same_time_counts_in_either_direction(online, is_read):
    yes, no = lent(online, 2)
    online.seal()
    seen = utc_now().isoformat()
    rows = [{"decision_id": one["decision_id"], "observed_at": seen} for one in (yes, no)]
    assert became(post(online, rows[0] | {"class": 0}, rows[1] | {"class": 1})) == ["first", "first"]
    if is_read:
        assert state(online) == {yes["decision_id"]: 0, no["decision_id"]: 1}
    corrections = [rows[0] | {"class": 1}, rows[1] | {"class": 0}]
    assert became(post(online, *corrections)) == ["contradictory"] * 2
    assert state(online) == {yes["decision_id"]: 1, no["decision_id"]: 0}
    assert became(post(online, *corrections)) == ["duplicate"] * 2  # sent again
    assert state(online) == {yes["decision_id"]: 1, no["decision_id"]: 0}


WRONG = [
    ({"class": 2}, "neither 0 nor 1"),
    ({}, "neither 0 nor 1"),
    ({"class": 1, "amount": 5}, "no amount"),
    ({"class": 1, "entity": "somebody else"}, "another entity"),
    ({"class": 1, "observed_at": "2024-01-01T00:00:00Z"}, "seen before its decision"),
    ({"class": 1, "happened_at": "2024-01-01T00:00:00Z"}, "happened before its decision"),
]


def test_what_is_wrong_in_itself_does_not_wait_for_its_decision_to_be_sealed(online):
    first, second = lent(online, 2)
    rows = [{"decision_id": first["decision_id"], **content} for content, _ in WRONG]
    answer = post(online, *rows, {"decision_id": second["decision_id"], "class": 1})
    assert became(answer) == ["invalid"] * len(WRONG) + ["waiting"]
    for row, (_, why) in zip(answer.json()["rows"], WRONG, strict=False):
        assert why in row["why"]
    online.seal()
    now = utc_now()
    read_outcomes.fn("small", now)
    (books,) = intakes(online.ledger, "small")
    assert (books.first, books.invalid) == (1, len(WRONG) - 1)  # the amount that no contract has was not kept


@LEDGER_ON_ONE
def test_a_row_that_names_nobody_is_refused_and_nothing_is_kept(online):
    for rows in ([{"class": 1}], [{"entity": "a", "class": 1}], [{"decision_id": "x", "class": 1}], []):
        assert post(online, *rows).status_code == 422
    nowhere = {"entity": "a", "decided_at": "2024-01-01T00:00:00Z", "class": 1}
    assert became(post(online, nowhere)) == ["unknown"]  # while nobody was decided at all
    many = [{"decision_id": f"{i:032x}", "class": 1} for i in range(10_001)]
    assert post(online, *many).status_code == 422
    assert became(post(online, *many[:10_000])) == ["unknown"] * 10_000
