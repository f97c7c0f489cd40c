"""One decision over HTTP is the one that the story tells: the same record, of any decision."""

from __future__ import annotations

import json

import pytest
import yaml
from pydantic import TypeAdapter

from decisionloop.ledger.use_cases import record_use_case
from decisionloop.report.assemble import assemble_story
from decisionloop.report.record.lines import WorkedDecision
from decisionloop.settings import load_settings
from decisionloop.snapshots import SnapshotStore
from tests.report.conftest import use_case  # noqa: F401  the contract that its ledger is filled under
from tests.report.test_assemble import decision_id, fill


@pytest.fixture
def ledger(sqlite_ledger):
    """The ledger that is filled."""
    return sqlite_ledger


@pytest.fixture
def filled(sqlite_ledger, use_case, home):  # noqa: F811
    """A ledger of four weekly batches, whose contract can be read."""
    text = yaml.safe_dump(use_case.model_dump(mode="json", by_alias=True, exclude_unset=True))
    record_use_case(sqlite_ledger, "credit_line", use_case.digest, 1, text)
    return fill(sqlite_ledger, use_case, SnapshotStore(load_settings().resolved_snapshots_url()))


@pytest.fixture
def client(serve, filled, sqlite_ledger):
    return serve("", url=sqlite_ledger.engine.url.render_as_string()).client


def test_it_is_what_the_story_says_of_the_same_decision(client, filled, use_case):  # noqa: F811
    worked = assemble_story(filled.ledger, use_case, snapshots=filled.snapshots).worked
    answer = client.get(f"/v1/credit_line/decisions/{worked.decision_id}")
    assert answer.status_code == 200
    expected = json.loads(TypeAdapter(WorkedDecision).dump_json(worked))
    assert {name: answer.json()[name] for name in expected} == expected
    assert answer.json()["features"]
    assert answer.json()["money"] == pytest.approx(0.1 * 40_000 * 0.03)


def test_one_of_the_rules_without_an_outcome_is_told_as_well(client):
    told = client.get(f"/v1/credit_line/decisions/{decision_id(0, 1)}").json()
    assert (told["entity"], told["action"], told["score"]) == ("c1", "hold", None)
    assert told["outcome_class"] is None


@pytest.mark.parametrize(
    "path", ["credit_line/decisions/abc", "credit_line/decisions/a%00%FF", f"another/decisions/{decision_id(0, 1)}"]
)
def test_a_decision_that_the_use_case_does_not_have_is_answered_by_404(client, path):
    assert client.get(f"/v1/{path}").status_code == 404
