"""Where the contract asks for it, neither gate nor deployment lets a model decide before a person has said yes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from decisionloop.cli.status import as_text, status_of
from decisionloop.errors import UsageError
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.approvals import waiting_for_people
from decisionloop.ledger.releases import canary, champion, find_stage, release_events, shadows
from decisionloop.ledger.schema import utc_now
from tests.tasks.installation import Installation, copy, run_flow, working_in

pytestmark = pytest.mark.xdist_group("trial")

BOSS, OTHER = "approver@example.com", "other@example.com"
WANTED = {"approvers": [BOSS, OTHER], "is_required": True}


@pytest.fixture(scope="module")
def asked_life(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gate has proven a model, and its contract wants an approval."""
    folder = tmp_path_factory.mktemp("asked") / "life"
    with working_in(folder, copy(saved / "shadowed", folder)) as life:
        life.contract(approval=WANTED)
        life.turn(2)
    return folder


@pytest.fixture
def asked(asked_life: Path, tmp_path: Path, at_once: None) -> Iterator[Installation]:
    """A request for an approval is open."""
    with working_in(tmp_path / "life", copy(asked_life, tmp_path / "life")) as installation:
        yield installation


def model_of(life: Installation) -> str:
    """The model that waits."""
    (stage,) = shadows(life.ledger, "small")
    return stage.release_id


def test_the_gate_asks_once_tells_people_and_status_says_what_waits(asked):
    model = model_of(asked)
    assert champion(asked.ledger, "small").release.kind == "rules"
    (waiting,) = waiting_for_people(asked.ledger, "small", utc_now())
    assert (waiting.release_id, waiting.purpose, waiting.requested_by) == (model, "champion", "gate")
    asked.turn(3)
    assert waiting_for_people(asked.ledger, "small", utc_now()) == (waiting,)
    assert [one.kind for one in alerts(asked.ledger, "small")].count("approval") == 1
    assert f"to approve    {model} is to decide for everybody" in as_text(status_of(asked.workspace))
    assert champion(asked.ledger, "small").release.kind == "rules"


def test_after_a_yes_the_next_turn_lets_it_decide(asked):
    from decisionloop.ledger.answering import Said, answer_request

    model = model_of(asked)
    answer_request(asked.ledger, "small", Said(model, "approve", BOSS), asked.workspace.use_case.approval)
    asked.turn(3)
    assert champion(asked.ledger, "small").release_id == model
    assert f'"approved_by": "{BOSS}"' in release_events(asked.ledger, model)[-1].evidence


def test_the_flow_takes_a_yes_and_deploys_at_once(asked):
    model = model_of(asked)
    told = run_flow("approve", "small", model, "approve", BOSS)
    assert told.startswith(f"{BOSS} has approved {model} (a claim and no proof). {model}: it is proven")
    assert champion(asked.ledger, "small").release_id == model
    assert [event["payload"]["by"] for event in asked.announced("release.approved")] == [BOSS]
    with pytest.raises(UsageError, match="Nothing waits for an approval"):
        run_flow("approve", "small", model, "approve", BOSS)


def test_the_flow_takes_a_no_and_the_release_is_gone(asked):
    model = model_of(asked)
    run_flow("approve", "small", model, "reject", OTHER, "the season is over")
    assert release_events(asked.ledger, model)[-1].reason == "not approved: the season is over"
    asked.turn(3)
    assert find_stage(asked.ledger, model).stage == "refused"
    assert champion(asked.ledger, "small").release.kind == "rules"


def test_a_deployment_waits_as_the_gate_does_and_a_dry_run_asks_nobody(asked):
    model, before = model_of(asked), asked.tables()
    assert "waits for an approval" in run_flow("deploy_release", "small", model)
    run_flow("deploy_release", "small", model, is_dry_run=True)
    assert asked.tables() == before
    with pytest.raises(UsageError, match="approvers names"):
        run_flow("approve", "small", model, "approve", "anna")
    assert asked.tables() == before


def test_what_is_tried_on_a_few_is_asked_for_as_well(waiting, at_once):
    waiting.contract(approval=WANTED)
    waiting.learn(2)
    (asked,) = waiting_for_people(waiting.ledger, "small", utc_now())
    assert asked.purpose == "trial"
    assert canary(waiting.ledger, "small") is None
    model = model_of(waiting)
    run_flow("approve", "small", model, "approve", BOSS)
    assert canary(waiting.ledger, "small").release_id == model
