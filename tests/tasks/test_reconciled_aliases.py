"""MLflow's aliases follow the ledger. One moved by hand switches nothing: it is a request, told and set back."""

from __future__ import annotations

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.notices import pending_notices
from decisionloop.ledger.releases import champion, find_stage, release_events, shadows
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.schema import utc_now
from decisionloop.registry import Registry
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from tests.tasks.installation import run_flow

pytestmark = pytest.mark.xdist_group("loop")

IN_PLACE = "The aliases name what the ledger says."


def aliases(life) -> dict[str, str]:
    return life.workspace.registry.aliases("small")


def by_hand(life, alias: str, version: str) -> None:
    """What a person does in MLflow's pages."""
    life.workspace.registry.set_alias("small", alias, version)


def told(life) -> list[str]:
    """What people were told of aliases."""
    return [one.message for one in alerts(life.ledger, "small") if one.kind == "alias"]


def rolled_back(life) -> str:
    """The model was rolled back, and the aliases have followed; returns its version."""
    model = champion(life.ledger, "small").release
    grounds = Grounds(Decider("person", "anna"), "it lost money", utc_now())
    roll_back(life.ledger, "small", "rules", grounds)
    assert run_flow("reconcile", "small") == IN_PLACE
    return str(model.mlflow_version)


def test_before_the_first_training_there_is_nothing_to_follow(begun):
    assert run_flow("reconcile", "small") == "MLflow knows no model of this use case yet."


def test_aliases_follow_a_rollback_and_nobody_is_alarmed(modelled):
    version = rolled_back(modelled)
    assert aliases(modelled)["champion"] == aliases(modelled)["baseline"] != version
    assert told(modelled) == []


def test_an_alias_moved_by_hand_changes_nobody_who_decides_and_is_set_back_and_told(modelled, no_server):
    modelled.contract(monitors={"notifications": [{"block": "slack-webhook/risk", "minimum_severity": "warning"}]})
    before, decides = aliases(modelled), champion(modelled.ledger, "small")
    by_hand(modelled, "champion", before["baseline"])
    assert run_flow("reconcile", "small").startswith(f"Set back, and told: champion → version {before['baseline']}")
    assert aliases(modelled) == before
    assert champion(modelled.ledger, "small") == decides
    (message,) = told(modelled)
    assert "Which rules stand is said by the contract." in message
    assert [one.subject for one in pending_notices(modelled.ledger, "small", utc_now())] == ["small/alias"]
    assert [event["payload"]["answer"] for event in modelled.announced("alias.moved")] == [
        "Which rules stand is said by the contract."
    ]
    assert run_flow("reconcile", "small") == IN_PLACE
    assert len(told(modelled)) == 1


def test_a_model_that_was_rolled_back_is_compared_again_where_somebody_moves_an_alias_to_it(modelled):
    version = rolled_back(modelled)
    by_hand(modelled, "champion", version)
    run_flow("reconcile", "small")
    assert champion(modelled.ledger, "small").release.kind == "rules"
    (shadow,) = shadows(modelled.ledger, "small")
    assert shadow.release.mlflow_version == version
    event = release_events(modelled.ledger, shadow.release_id)[-1]
    assert (event.stage_before, event.stage, event.decider) == ("rolled_back", "shadow", "person")
    assert event.reason == "the alias champion was moved to it in MLflow"
    assert aliases(modelled)["challenger"] == version
    assert aliases(modelled)["champion"] == aliases(modelled)["baseline"]
    assert "the gate compares it with the champion" in told(modelled)[0]


def test_an_alias_moved_to_a_challenger_leaves_it_to_the_gate(shadowed):
    (shadow,) = shadows(shadowed.ledger, "small")
    by_hand(shadowed, "champion", str(shadow.release.mlflow_version))
    run_flow("reconcile", "small")
    assert find_stage(shadowed.ledger, shadow.release_id) == shadow
    assert "is shadow: that is for the gate" in told(shadowed)[0]


def test_an_alias_that_somebody_removed_is_set_again(modelled):
    before = aliases(modelled)
    modelled.workspace.registry.clear_alias("small", "champion")
    run_flow("reconcile", "small")
    assert aliases(modelled) == before
    assert "champion → nothing" in told(modelled)[0]


def test_the_same_move_made_again_is_told_again(modelled):
    for _ in range(2):
        by_hand(modelled, "champion", aliases(modelled)["baseline"])
        run_flow("reconcile", "small")
    assert len(told(modelled)) == 2


def test_a_run_killed_before_it_set_the_alias_back_is_repeated_and_says_it_once(modelled, monkeypatch):
    before = aliases(modelled)
    by_hand(modelled, "champion", before["baseline"])
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_alias", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_flow("reconcile", "small")
    assert aliases(modelled) != before
    run_flow("reconcile", "small")
    assert aliases(modelled) == before
    assert len(told(modelled)) == 1
