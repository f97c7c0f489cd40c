"""The flow `rollback` through real Prefect, as a person starts it; and `reconcile` as its schedule does."""

from __future__ import annotations

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.releases import baseline, champion, find_stage
from decisionloop.release.stages import TransitionRefused
from flows.reconcile import reconcile
from flows.rollback import rollback
from tests.small_use_case import batch_id, settings_of

pytestmark = pytest.mark.xdist_group("flows")


@pytest.mark.exhaustive
def test_a_person_goes_back_to_the_rules_and_they_decide_the_next_turn(life, prefect):
    model, rules = champion(life.ledger, "small").release_id, baseline(life.ledger, "small").release_id
    with settings_of(life.folder):
        said = rollback("small", "it lost money", "anna")
    assert said.startswith(f"{rules} decides small in place of {model}: it lost money (anna).")
    life.turn(5)
    assert set(decisions_of_batch(life.ledger, batch_id(5))["release_id"]) == {rules}
    assert find_stage(life.ledger, model).stage == "rolled_back"
    aliases = life.workspace.registry.aliases("small")
    assert aliases["champion"] == aliases["baseline"]
    assert prefect.missing_events({("decisionloop.release.rolled_back", f"decisionloop.small.{rules}")}) == set()
    with settings_of(life.folder):
        assert reconcile("small") == "The aliases name what the ledger says."


def test_a_wrong_choice_fails_the_run_with_what_can_be_chosen_and_changes_nothing(life):
    before = champion(life.ledger, "small")
    with settings_of(life.folder), pytest.raises(TransitionRefused, match=r"Choose one of: rules\."):
        rollback("small", "it lost money", "anna", "small/scorecard/none")
    assert champion(life.ledger, "small") == before


def test_the_form_in_prefect_explains_every_parameter():
    described = {name: one.get("description", "") for name, one in rollback.parameters.properties.items()}
    assert set(described) == {"use_case", "reason", "by", "to"}
    assert all(described.values())
    assert rollback.parameters.required == ["use_case"]


def test_a_run_that_nobody_could_resume_says_what_to_give_and_changes_nothing(life):
    before = champion(life.ledger, "small")
    with settings_of(life.folder), pytest.raises(UsageError, match="without a deployment: give reason and by"):
        rollback("small", by="anna")
    assert champion(life.ledger, "small") == before
