"""Whoever asks is decided where the rules choose and cannot say why; people are told of it once."""

from __future__ import annotations

import logging

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.predict.rules import GAVE_NONE
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import one
from tests.small_use_case import SMALL_CODE

RULES = SMALL_CODE["rules.py"].partition("def reasons")[0]
SAID = {
    "missing": "pd.Series(pd.NA, index=features.index)",
    "none": "pd.Series(None, index=features.index, dtype=object)",
    "a number": "features['turnover'].astype(int)",
    "a list": "['high'] * len(features)",
    "lists": "pd.Series([['high']] * len(features), index=features.index)",
    "a frame": "features",
    "too few": "pd.Series(['high'] * (len(features) - 1))",
    "nothing": "None",
    "an exception": "features['Anna Svensson']",
    "an exit": "exit(1)",
    "half a character": "pd.Series('\\ud800', index=features.index)",
}
OF_LENDING = f"the rules chose to lend{GAVE_NONE}"


def rules_that_say(said: str) -> dict[str, str]:
    return {"rules.py": f"{RULES}def reasons(features):\n    return {said}\n"}


@LEDGER_ON_ONE
@pytest.mark.parametrize("said", SAID.values(), ids=list(SAID))
def test_a_request_is_answered_with_the_rules_action(decide_online, said):
    answer = decide_online(rules_that_say(said)).decide(one())
    assert answer.status_code == 200, answer.text
    assert answer.json()["reasons"] == [OF_LENDING]


@LEDGER_ON_ONE
def test_of_many_only_those_without_a_reason_say_so(decide_online):
    said = "features['debt'].map({2.0: 'little debt'})"
    online = decide_online(rules_that_say(said))
    answer = online.decide({"decisions": [one("a"), one("b", debt=3.0)]})
    assert [row["reasons"] for row in answer.json()["decisions"]] == [["little debt"], [OF_LENDING]]


def test_people_and_the_log_are_told_once_and_not_what_the_code_said(decide_online, caplog):
    caplog.set_level(logging.WARNING, "decisionloop.stream")
    online = decide_online(rules_that_say(SAID["an exception"]))
    told = [online.decide(one(f"shop-{i}")).json() for i in range(3)]
    assert online.seal() == 1
    told += [online.decide(one("shop-9")).json()]
    assert online.seal() == 1
    found = [one for one in alerts(online.ledger, "small") if "reasons()" in one.message]
    assert [one.severity for one in found] == ["warning"]
    logged = [record for record in caplog.records if "gave no reason" in record.message]
    assert len(logged) == 1
    assert "rules.py, line" in logged[0].detail
    assert "Svensson" not in logged[0].detail + found[0].message + found[0].remedy
    for answer in told:
        stored = online.client.get(f"/v1/small/decisions/{answer['decision_id']}").json()
        assert [one["wording"] for one in stored["reasons"]] == answer["reasons"]


def test_nobody_is_told_of_rules_that_say_why(online):
    online.decide(one())
    online.seal()
    assert not [one for one in alerts(online.ledger, "small") if "reasons()" in one.message]
