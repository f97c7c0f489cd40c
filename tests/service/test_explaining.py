"""One decision, whole: the command line, the service and its page tell the same record, sealed or not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.cli.explain import explain_decision
from decisionloop.errors import UsageError
from decisionloop.ledger.answer_times import waited_for
from decisionloop.ledger.flags import KILL_SWITCH, set_flag
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import one
from tests.service.test_answer_times import until


@pytest.fixture
def explained(capsys):
    """What the command says: as JSON, or as text."""

    def explain(what, entity="", as_of="", is_json=True):
        explain_decision(what, entity, as_of, is_json, None)
        said = capsys.readouterr().out
        return json.loads(said) if is_json else said

    return explain


def test_three_ways_tell_one_record_before_and_after_it_is_sealed(online, explained):
    told = online.decide(one("shop-7")).json()
    decision_id = told["decision_id"]
    where, page = f"/v1/small/decisions/{decision_id}", f"/decisions/{decision_id}"
    until(lambda: waited_for(online.ledger, decision_id) is not None)
    waiting = explained(decision_id)
    assert online.client.get(where).json() == waiting
    assert f"Decision {decision_id}, in no batch yet" in online.client.get(page).text
    online.seal()
    sealed = explained(decision_id)
    assert online.client.get(where).json() == sealed
    assert f"Decision {decision_id}, in the batch {sealed['batch_id']}" in online.client.get(page).text
    assert sealed | {"batch_id": None} == waiting
    assert datetime.fromisoformat(sealed["moment"]) == datetime.fromisoformat(told["decided_at"])
    assert [sealed[name] for name in ("action", "propensity", "role")] == [
        told[name] for name in ("action", "propensity", "role")
    ]
    assert sealed["features"][0] == {"wording": "weekly turnover", "value": "€100"}


def test_every_action_has_its_chance_and_they_add_up(online, explained):
    told = online.decide(one()).json()
    for _ in range(2):
        values = explained(told["decision_id"])["values"]
        assert {row["action"]: row["propensity"] for row in values}[told["action"]] == told["propensity"]
        assert sum(row["propensity"] for row in values) == pytest.approx(1)
        assert [row["is_default"] for row in values] == [True, False]
        online.seal()


@LEDGER_ON_ONE
def test_what_an_action_earns_whatever_happens_is_told_although_rules_expect_nothing(online, explained):
    set_flag(online.ledger, "small", KILL_SWITCH, "on", "a test", "somebody")
    told = online.decide(one("shop-7")).json()
    values = {row["action"]: row["expected"] for row in explained(told["decision_id"])["values"]}
    assert values == {"hold": 0.0, "lend": None}


@LEDGER_ON_ONE
def test_in_words_it_says_who_decided_and_why_that_one(online, explained):
    set_flag(online.ledger, "small", KILL_SWITCH, "on", "a test", "somebody")
    told = online.decide(one("shop-7", turnover=None)).json()
    said = explained(told["decision_id"], is_json=False)
    for part in (
        "Shop shop-7: lend nothing",
        "one at a time",
        "Weekly turnover: not known",
        "because of missing: turnover",
        "decided as the champion, because: kill switch",
        "It stood as",
        "The action left with the answer.",
        "What happened then has not been seen.",
    ):
        assert part in said, said
    assert "\xa0" not in said


def test_an_entity_is_explained_by_its_last_decision_by_then(online, explained):
    told = []
    for days in (9, 6, 3):
        moment = datetime.now(UTC) - timedelta(days=days)
        told.append(online.decide({**one("shop-7"), "decided_at": moment.isoformat()}).json())
        online.decide({**one("shop-8"), "decided_at": moment.isoformat()})
        if days > 3:
            online.seal()
    ids = [row["decision_id"] for row in told]
    assert explained("small", "shop-7")["decision_id"] == ids[2]  # not sealed yet
    assert explained("small", "shop-7", told[2]["decided_at"])["decision_id"] == ids[2]
    assert explained("small", "shop-7", told[1]["decided_at"])["decision_id"] == ids[1]
    online.seal()
    assert explained("small", "shop-7")["decision_id"] == ids[2]
    with pytest.raises(UsageError, match="nothing was decided for shop-7 by then"):
        explained("small", "shop-7", "2020-01-01")


@LEDGER_ON_ONE
def test_what_cannot_be_explained_is_told_why(online, explained):
    for what, entity, as_of, why in (
        ("small", "", "", "no id of a decision"),
        ("0" * 32, "", "", "the ledger knows no decision"),
        ("0" * 32, "", "2026-01-01", "--as-of belongs to --entity"),
        ("small", "nobody", "", "nothing was decided for nobody"),
        ("another", "nobody", "", "no use case"),
    ):
        with pytest.raises(UsageError, match=why):
            explained(what, entity, as_of)


@LEDGER_ON_ONE
def test_its_page_is_one_file_that_loads_nothing(online, tmp_path, capsys):
    told = online.decide(one("<shop>")).json()
    explain_decision(told["decision_id"], "", "", False, tmp_path)
    path = tmp_path / f"{told['decision_id']}.html"
    assert capsys.readouterr().out.strip() == str(path)
    page = path.read_text()
    assert "&lt;shop&gt;" in page
    assert "<shop>" not in page
    assert "Who decided, and why it was the one to" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    with pytest.raises(UsageError, match="--html"):
        explain_decision(told["decision_id"], "", "", False, path / "below")


@LEDGER_ON_ONE
def test_a_decision_is_told_in_the_words_of_its_own_contract(decide_online, explained, tmp_path):
    online = decide_online()
    told = [online.decide(one(f"shop-{i}")).json() for i in range(2)]
    online.seal()
    text = (tmp_path / "usecases" / "small" / "usecase.yaml").read_text()
    changed = text.replace("wording: weekly turnover", "wording: other words").replace("version: 1", "version: 2")
    (tmp_path / "usecases" / "small" / "usecase.yaml").write_text(changed)
    assert explained(told[0]["decision_id"])["features"][0]["wording"] == "weekly turnover"
    (tmp_path / "usecases" / "small" / "usecase.yaml").write_text("broken")
    assert explained(told[0]["decision_id"])["features"][0]["wording"] == "weekly turnover"
