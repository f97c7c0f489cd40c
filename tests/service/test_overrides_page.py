"""docs/overrides.md is true: what it posts is taken in, and a decision says what was done."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from decisionloop.cli.status import status_of
from decisionloop.contract.loading import load_use_case
from decisionloop.errors import ContractError
from decisionloop.ledger.executions import executions_of
from decisionloop.ledger.schema import utc_now
from decisionloop.workspace import open_workspace
from tasks.observe.outcomes import read_outcomes
from tests.architecture.code import ROOT
from tests.service.conftest import one
from tests.service.test_posted_outcomes import became, lent, post

PAGE = (ROOT / "docs" / "overrides.md").read_text(encoding="utf-8")
TABLES = {
    "kind": "tables",
    "history": {"path": "data/history.csv", "time": "seen_at"},
    "due": {"path": "data/outcomes.parquet", "time": "decided_at"},
    "outcomes": {"path": "data/outcomes.parquet", "time": "told_at"},
    "outcome_columns": {"decision_time": "decided_at", "outcome_time": "told_at"},
}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


def test_what_is_posted_of_executed_actions_is_answered_kept_and_shown(decide_online):
    online = decide_online(source=TABLES, outcome={"executed": {}})
    first, second = lent(online, 2)
    online.seal()
    (shown,) = json.loads(blocks("json")[0])["outcomes"]
    said = {name: shown[name] for name in ("overridden_by", "override_reason")}
    named = {"entity": first["entity"], "decided_at": first["decided_at"]}
    answer = post(
        online,
        {**named, **said, "executed_action": "hold"},
        {"decision_id": first["decision_id"], **said, "executed_action": "hold"},
        {"decision_id": first["decision_id"], "class": 1},
        {"decision_id": second["decision_id"], "class": 0, "executed_action": "lend"},
        {"decision_id": second["decision_id"], "executed_action": "give"},
        {"decision_id": "0" * 32, "executed_action": "hold"},
    )
    assert became(answer) == ["executed", "duplicate", "invalid", "first", "invalid", "unknown"]
    assert all(kind in PAGE for kind in became(answer))
    assert became(post(online, {**named, "executed_action": "lend"})) == ["contradictory"]
    alone = post(online, {**named, "override_reason": "risk"})
    assert alone.status_code == 422
    assert "say executed_action" in alone.text
    read_outcomes.fn("small", utc_now())
    (last,) = executions_of(online.ledger, second["decision_id"])
    assert (last.executed_action, last.overridden_by) == ("lend", None)
    assert [done.executed_action for done in executions_of(online.ledger, first["decision_id"])] == ["hold", "lend"]
    told = online.client.get(f"/v1/small/decisions/{first['decision_id']}", headers=online.headers).json()
    assert (told["action"], told["executed"]["action"]) == ("lend", "lend")


def test_an_override_is_on_the_page_of_its_decision_and_in_the_status(decide_online):
    online = decide_online(source=TABLES, outcome={"executed": {}})
    (first,) = lent(online, 1)
    row = {"executed_action": "hold", "overridden_by": "anna", "override_reason": "<b>fire</b>"}
    assert became(post(online, {"decision_id": first["decision_id"], **row})) == ["waiting"]
    online.seal()
    read_outcomes.fn("small", utc_now())
    page = online.client.get(f"/decisions/{first['decision_id']}", headers=online.headers)
    assert "as was said by anna" in page.text
    assert "&lt;b&gt;fire" in page.text
    told = online.client.get(f"/v1/small/decisions/{first['decision_id']}", headers=online.headers).json()
    assert told["executed"] == {"action": "hold", "by": "anna", "reason": "<b>fire</b>", "on": f"{utc_now():%Y-%m-%d}"}
    assert told["money"] == 0
    state = status_of(open_workspace("small"))
    assert state.overrides is not None
    assert (state.overrides.counts.reasons, state.overrides.counts.actions) == (
        (("<b>fire</b>", 1),),
        (("lend", "hold", 1),),
    )


def test_a_contract_that_says_nothing_of_it_takes_none(decide_online):
    online = decide_online()
    (first,) = lent(online, 1)
    answer = post(online, {"decision_id": first["decision_id"], "executed_action": "hold"})
    assert became(answer) == ["invalid"]
    assert "have no executed_action" in answer.json()["rows"][0]["why"]
    assert online.decide(one("shop-99", turnover=100.0)).status_code == 200


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ({"outcome": {"executed": {"action": "done"}}}, "nobody has done otherwise there"),
        ({"source": TABLES, "outcome": {"executed": {}}}, "in no column and not posted"),
        ({"source": TABLES, "outcome": {"executed": {"reason": "why"}}}, "what was done is none"),
        ({"source": TABLES, "outcome": {"executed": {"action": "defaulted"}}}, "is the outcome itself"),
        ({"source": TABLES, "outcome": {"executed": {"action": "done", "by": "done"}}}, "cannot say two things"),
        (
            {
                "source": TABLES | {"outcome_columns": {"outcome_time": "told_at"}},
                "outcome": {"executed": {"action": "d"}},
            },
            "of which decision",
        ),
    ],
)
def test_a_contract_that_cannot_be_told_of_it_is_refused(tmp_path, sections, fault):
    from tests.small_use_case import write_small

    with pytest.raises(ContractError) as refused:
        load_use_case(write_small(tmp_path, **sections).folder)
    assert fault in str(refused.value)
    (section,) = blocks("yaml")
    named = yaml.safe_load(section)
    assert load_use_case(write_small(tmp_path / "other", source=TABLES, **named).folder) is not None
