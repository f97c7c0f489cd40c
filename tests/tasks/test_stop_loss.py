"""A model that surely earns less than the rules decides no more; the rules do, and history and news say why."""

from __future__ import annotations

import pytest

from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.releases import baseline, champion, find_stage, release_events
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.observe.estimate import Estimate
from tasks.watch.alarms import Occasion, raise_alarms
from tests.small_use_case import as_of
from tests.tasks.installation import Installation

pytestmark = pytest.mark.xdist_group("loop")

WORDS = "Over 9 cohorts a decision earned -2.10 EUR against what the rules would have earned, at best -1.40."


def lose(installation: Installation, week: int, against: str = "rules") -> None:
    """The value monitor finds in ``week`` that the model surely earned less."""
    decides = champion(installation.ledger, "small")
    assert decides is not None
    finding = Finding(
        family="value",
        monitor=f"value_against_{against}",
        slice="all",
        figure=Estimate(-2.1, -2.8, -1.4, 600, 600.0, 0.95),
        threshold=0.0,
        bound=-1.4,
        direction="below",
        alpha=0.01,
        words=WORDS,
        suggestion="Put the rules back in charge.",
        against=against,
        stake=2.1,
        release_id=decides.release_id,
    )
    raise_alarms(installation.workspace, [finding], Occasion(as_of(week), None, 600))


@pytest.fixture(autouse=True)
def _not_new(modelled: Installation) -> None:
    """The first days of the champion, in which any alarm about it takes its place away, are over (test_baking)."""
    modelled.contract(canary={"baking_days": 0})


@pytest.mark.parametrize("against", ["rules", "holdout"])
def test_the_rules_decide_in_place_of_a_model_that_loses(modelled: Installation, against: str) -> None:
    model = champion(modelled.ledger, "small")
    lose(modelled, 4, against)
    said = modelled.learn(4)
    assert f"Stop-loss: {WORDS[:-1]}" in said
    assert champion(modelled.ledger, "small") == baseline(modelled.ledger, "small")
    last = release_events(modelled.ledger, model.release_id)[-1]
    assert (last.stage_before, last.stage, last.decider) == ("champion", "rolled_back", "guard")
    assert [one.kind for one in alerts(modelled.ledger, "small") if WORDS[:-1] in one.message] == ["rollback"]
    modelled.predict(5)
    modelled.act(5)
    rules = champion(modelled.ledger, "small").release_id
    assert set(modelled.decisions(5)["release_id"]) == {rules}


def test_stopping_again_changes_nothing(modelled: Installation) -> None:
    lose(modelled, 4)
    modelled.learn(4)
    before = modelled.tables()["release_event"]
    modelled.learn(4)
    assert modelled.tables()["release_event"] == before


def test_where_people_want_to_be_told_alone_it_goes_on(modelled: Installation) -> None:
    modelled.contract(guardrails={"when_losing": "alert"}, canary={"baking_days": 14})
    model = champion(modelled.ledger, "small")
    lose(modelled, 4)
    modelled.learn(4)
    assert find_stage(modelled.ledger, model.release_id).stage == "champion"


def test_a_loss_against_an_action_for_everybody_stops_no_model(modelled: Installation) -> None:
    """The rules in its place may lose still more: people are told, and choose."""
    modelled.contract(canary={"baking_days": 14})
    model = champion(modelled.ledger, "small")
    lose(modelled, 4, "action")
    modelled.learn(4)
    assert find_stage(modelled.ledger, model.release_id).stage == "champion"
