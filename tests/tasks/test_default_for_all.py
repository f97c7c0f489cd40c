"""Where the rules are what is wrong the kill switch gives everybody the default action, and nothing else leaves."""

from __future__ import annotations

import json

import pytest

from decisionloop.act.situation import DEFAULT_FOR_ALL
from decisionloop.cli.explain import explain_decision
from decisionloop.errors import UsageError
from decisionloop.ledger.flags import kill_switch, stop_model
from decisionloop.ledger.held_actions import cancel_held, release_held, waiting_actions, withdrawn_ids
from decisionloop.ledger.kill_switch import engage, lift
from tasks.act.decide import decide_batch
from tests.tasks.installation import Installation

pytestmark = pytest.mark.xdist_group("loop")

BOSS = "approver@example.com"


def stop(life: Installation) -> None:
    """Give everybody the default action from now on."""
    engage(life.ledger, "small", "the rules lend to anybody", "head", 1.0, position="default")


def to_send(life: Installation, week: int) -> set[str]:
    """The decisions of a week whose action leaves the house."""
    decided = life.decisions(week)
    return set(decided.loc[decided["action"] == "lend", "decision_id"])


def left(life: Installation) -> set[str]:
    """The decisions whose action has left."""
    return {json.loads(line)["decision_id"] for line in life.sent()}


def test_everybody_gets_the_default_action_and_it_is_said_why(modelled: Installation) -> None:
    stop(modelled)
    modelled.turn(3)
    decided = modelled.decisions(3)
    assert set(decided["action"]) == {"hold"}
    assert set(decided["role"]) == {"baseline"}  # the rules decide nobody, so that nobody is their referee
    assert set(decided["propensity"]) == {1.0}
    assert set(decided["fallback_reason"]) == {DEFAULT_FOR_ALL}
    assert decided["reason_codes"].str.contains("people have stopped deciding").all()
    assert set(decided["rules_action"]) == {"hold", "lend"}  # what they would have done is still known
    assert modelled.state(3) == "complete"
    modelled.turn(4)
    lift(modelled.ledger, "small", "mended", BOSS, [BOSS])
    modelled.turn(5)
    assert "champion" in set(modelled.decisions(5)["role"])


def test_what_rules_and_model_chose_before_is_held_whole_until_a_person_releases_it(modelled: Installation) -> None:
    modelled.predict(3)
    decide_batch.fn("small", modelled.batch(3))
    before = left(modelled)
    stop(modelled)
    (held,) = waiting_actions(modelled.ledger, "small")
    assert (held.last.covers, held.actions) == ("all", len(to_send(modelled, 3)))
    assert modelled.act(3) == 0
    assert left(modelled) == before
    release_held(modelled.ledger, "small", [], "looked at one by one", "owner", ["owner"])
    assert modelled.act(3) == held.actions
    assert left(modelled) == before | to_send(modelled, 3)


def test_what_is_cancelled_of_a_batch_that_was_held_whole_is_all_that_anybody_chose(modelled: Installation) -> None:
    modelled.predict(3)
    decide_batch.fn("small", modelled.batch(3))
    stop(modelled)
    cancel_held(modelled.ledger, "small", [], "wrong", "owner")
    assert withdrawn_ids(modelled.ledger, modelled.batch(3)) == set(modelled.decisions(3)["decision_id"])
    lift(modelled.ledger, "small", "mended", BOSS, [BOSS])
    assert modelled.act(3) == 0
    modelled.observe(4)


def test_the_rules_choice_is_overtaken_before_it_is_logged(modelled: Installation, monkeypatch) -> None:
    from tasks.act import log_unless_overtaken

    engage(modelled.ledger, "small", "complaints", "head", 1.0)
    modelled.predict(3)
    original, turned = log_unless_overtaken.steady_switch, []

    def turned_first(*arguments):
        if not turned:
            turned.append(stop(modelled))
        return original(*arguments)

    monkeypatch.setattr(log_unless_overtaken, "steady_switch", turned_first)
    modelled.act(3)
    assert turned
    assert set(modelled.decisions(3)["fallback_reason"]) == {DEFAULT_FOR_ALL}


def test_only_approvers_let_the_rules_decide_again_and_no_guard_does(modelled: Installation) -> None:
    ledger = modelled.ledger
    stop(modelled)
    stop_model(ledger, "small", "adverse impact", "guard")
    with pytest.raises(UsageError, match="only approvers let the rules decide again"):
        engage(ledger, "small", "complaints", "head", 1.0)
    with pytest.raises(UsageError, match="'head' may not lift"):
        lift(ledger, "small", "complaints", "head", [BOSS], to="on")
    assert kill_switch(ledger, "small") == "default"
    lift(ledger, "small", "the rules are mended", BOSS, [BOSS], to="on")
    assert kill_switch(ledger, "small") == "on"
    modelled.predict(3)
    modelled.act(3)
    assert set(modelled.decisions(3)["action"]) == {"hold", "lend"}


def test_nobody_is_said_to_have_chosen_what_the_switch_gave_everybody(modelled: Installation, capsys) -> None:
    stop(modelled)
    modelled.turn(3)
    decided = modelled.decisions(3)
    other = decided[decided["rules_action"] == "lend"].iloc[0]
    explain_decision(other["decision_id"], "", "", False, None)
    told = capsys.readouterr().out
    assert (
        "By the kill switch everybody got “lend nothing”, whoever it was; the rules would have chosen “lend”." in told
    )
    assert "People decided, by the kill switch" in told
    assert "chose “lend nothing”" not in told
