"""In its first days a champion loses its place by an alarm about it; later, or by what it has not done, it does not."""

from __future__ import annotations

import pytest

from decisionloop.ledger.alarms import Alarm, append_alarms
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.releases import baseline, champion, find_stage, release_events
from decisionloop.ledger.rollback import roll_back
from decisionloop.ledger.schema import utc_now
from decisionloop.predict.release_model import ReleaseModel
from decisionloop.release.grounds import Grounds
from decisionloop.release.stages import Decider
from tests.small_use_case import as_of
from tests.tasks.installation import Installation
from tests.tasks.test_shadows import SaysNothing

pytestmark = pytest.mark.xdist_group("loop")


def alarm_about(life: Installation, release_id: str, family: str) -> None:
    """A monitor has found something about a release."""
    new = Alarm(
        alarm_id=f"alarm {family}", use_case="small", incident_id=f"small/{family}/2024-01-22", family=family,
        monitor="score_shift", slice="all", against="", release_id=release_id, batch_id=None, cohort="2024-01-22",
        severity="warning", value=0.5, low=0.4, high=0.6, threshold=0.25, bound=0.4, alpha=0.01,
        stake_per_decision=None, stake_total=None, words="Its scores have moved.", suggestion="Look.", chart=None,
        as_of=as_of(3), at=utc_now(),
    )  # fmt: skip
    append_alarms(life.ledger, [new])


def test_an_alarm_about_a_new_champion_lets_the_one_before_decide_again_and_people_are_told(modelled):
    model, rules = champion(modelled.ledger, "small").release_id, baseline(modelled.ledger, "small").release_id
    alarm_about(modelled, model, "outputs")
    assert "was rolled back: within the first 14 days: Its scores have moved." in modelled.learn(3)
    assert champion(modelled.ledger, "small").release_id == rules
    event = release_events(modelled.ledger, model)[-1]
    assert (event.stage, event.decider) == ("rolled_back", "guard")
    assert [one.kind for one in alerts(modelled.ledger, "small")].count("rollback") == 1
    before = modelled.tables()["release_event"]
    modelled.learn(3)
    assert modelled.tables()["release_event"] == before


@pytest.mark.parametrize("family", ["inputs", "labels", "skew", "feedback"])
def test_what_is_not_its_doing_leaves_it_its_place(modelled, family):
    model = champion(modelled.ledger, "small").release_id
    alarm_about(modelled, model, family)
    modelled.learn(3)
    assert find_stage(modelled.ledger, model).stage == "champion"


def test_scores_that_follow_moved_inputs_are_not_its_doing(modelled):
    model = champion(modelled.ledger, "small").release_id
    for family in ("inputs", "outputs"):
        alarm_about(modelled, model, family)
    modelled.learn(3)
    assert find_stage(modelled.ledger, model).stage == "champion"


def test_after_its_first_days_and_without_any_it_keeps_its_place(modelled):
    model = champion(modelled.ledger, "small").release_id
    alarm_about(modelled, model, "outputs")
    modelled.contract(canary={"baking_days": 0})
    modelled.learn(3)
    assert find_stage(modelled.ledger, model).stage == "champion"
    modelled.contract(canary={"baking_days": 14})
    modelled.learn(5)
    assert find_stage(modelled.ledger, model).stage == "champion"


def test_one_that_a_person_brought_back_is_that_persons_choice(modelled):
    model, boss = champion(modelled.ledger, "small").release_id, Decider("approver", "approver@example.com")
    for to in ("rules", model):
        roll_back(modelled.ledger, "small", to, Grounds(boss, "so", as_of(2)))
    alarm_about(modelled, model, "outputs")
    modelled.learn(3)
    assert find_stage(modelled.ledger, model).stage == "champion"


def test_a_batch_that_it_cannot_score_takes_its_place(modelled, monkeypatch):
    model = champion(modelled.ledger, "small").release_id
    with monkeypatch.context() as patch:
        patch.setattr("tasks.predict.score.load_release", lambda *_: ReleaseModel(SaysNothing(), None))
        modelled.predict(3)
        modelled.act(3)
    assert "could not score small/2024-01-22" in modelled.learn(3)
    assert find_stage(modelled.ledger, model).stage == "rolled_back"
