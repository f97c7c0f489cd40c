"""A challenger that is not proven decides for a share of the entities, for more as more speaks for it, or no more."""

from __future__ import annotations

import json

import pytest

from decisionloop.act.canary import OnTrial
from decisionloop.act.turn import salt_of
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import canary, champion, release_events
from decisionloop.predict.release_model import ReleaseModel
from tests.tasks.test_shadows import SaysNothing

pytestmark = pytest.mark.xdist_group("loop")

UNATTAINABLE = 100_000
STEPS = [{"share": 0.25, "confidence": 0.55}, {"share": 0.5, "confidence": 0.55}]


@pytest.fixture
def unproven(restored):
    """A model has come into shadow, and it will be long before it is proven."""
    with restored("begun") as installation:
        installation.contract(canary={"steps": STEPS})
        installation.turn(1)
        installation.contract(gate={"minimum_effective_n": UNATTAINABLE})
        yield installation


def _on_trial(installation) -> OnTrial | None:
    found = canary(installation.ledger, "small")
    return None if found is None else OnTrial(found.release_id, found.event.share)


def test_it_decides_for_more_entities_step_by_step_and_for_those_alone(unproven):
    assert _on_trial(unproven) is None  # it has scored no batch beside the champion yet
    unproven.turn(2)
    first = _on_trial(unproven)
    assert first.share == 0.25
    assert set(unproven.decisions(2)["role"]) == {"baseline", "exploration", "holdout"}
    unproven.turn(3)
    decided = unproven.decisions(3)
    drawn = first.draws(decided["entity_id"].to_numpy(dtype=object), salt_of(unproven.workspace.use_case))
    is_free = (decided["role"] != "holdout") & decided["fallback_reason"].isna()
    assert (decided["release_id"] == first.release_id).to_numpy()[is_free & drawn].mean() > 0.9
    assert not (decided["release_id"] == first.release_id).to_numpy()[~(is_free & drawn)].any()
    by_it = decided[decided["role"] == "canary"]
    assert len(by_it) > 50
    assert by_it["score"].notna().all()
    assert decided.loc[~drawn, "score"].isna().all()
    assert by_it["reason_codes"].map(json.loads).map(len).min() > 0
    assert not by_it["reason_codes"].str.contains('turnover"]').any()
    assert _on_trial(unproven) == OnTrial(first.release_id, 0.5)
    assert champion(unproven.ledger, "small").release.kind == "rules"


def test_what_differs_was_drawn_with_its_share_and_what_does_not_was_certain_but_for_exploring(unproven):
    unproven.turn(2)
    unproven.turn(3)
    by_it = unproven.decisions(3).query("role == 'canary'")
    differs = by_it["action"] != by_it["rules_action"]
    assert differs.any()
    # A fifth of those to whom nothing would be lent get a loan to learn from, be it on trial or not.
    expected = by_it["action"].map({"hold": 0.25 * 0.8, "lend": 0.25 + 0.75 * 0.2})
    assert by_it.loc[differs, "propensity"].to_numpy() == pytest.approx(expected[differs].to_numpy())
    assert (by_it.loc[~differs, "propensity"] > 0.5).all()


def test_on_trial_it_fails_and_is_rolled_back_with_nobody_left_undecided(unproven, monkeypatch):
    unproven.turn(2)
    on_trial = _on_trial(unproven)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.predict.score.load_release", lambda *_: ReleaseModel(SaysNothing(), None))
        unproven.predict(3)
        unproven.act(3)
    decided = unproven.decisions(3)
    assert len(decided) == len(unproven.decisions(2))
    assert not (decided["role"] == "canary").any()
    assert decided["propensity"].min() > 0
    unproven.observe(3)
    assert "could not score" in unproven.learn(3)
    assert _on_trial(unproven) is None
    last = release_events(unproven.ledger, on_trial.release_id)[-1]
    assert (last.stage, last.decider) == ("rolled_back", "guard")
    (told,) = [one for one in alerts(unproven.ledger, "small") if one.kind == "canary"]
    assert "rolled back" in told.message


def test_the_kill_switch_takes_its_say_at_once_and_no_further_step_is_taken(unproven):
    unproven.turn(2)
    set_flag(unproven.ledger, "small", "kill_switch", "on", "complaints", "head")
    unproven.turn(3)
    assert set(unproven.decisions(3)["role"]) <= {"baseline", "holdout"}
    assert _on_trial(unproven).share == 0.25


def test_without_steps_nobody_is_on_trial(unproven):
    unproven.contract(canary={"steps": []})
    unproven.turn(2)
    unproven.turn(3)
    assert _on_trial(unproven) is None


def test_a_run_that_is_repeated_takes_no_second_step(unproven):
    unproven.turn(2)
    unproven.learn(2)
    assert _on_trial(unproven).share == 0.25


def test_proof_ends_the_trial_and_the_champion_decides_for_everybody(unproven):
    unproven.turn(2)
    on_trial = _on_trial(unproven)
    unproven.contract(gate={"minimum_effective_n": 60})
    unproven.turn(3)
    assert champion(unproven.ledger, "small").release_id == on_trial.release_id
    stages = [one.stage for one in release_events(unproven.ledger, on_trial.release_id)]
    assert stages == ["candidate", "shadow", "canary", "champion"]
    assert _on_trial(unproven) is None
    unproven.turn(4)
    assert "champion" in set(unproven.decisions(4)["role"])
    assert "canary" not in set(unproven.decisions(4)["role"])


def test_what_it_brings_is_no_gain_of_exploring(unproven):
    for week in (2, 3, 4):
        unproven.turn(week)
    measured = measurements_of(unproven.ledger, "small", "exploration_cost")
    (cost,) = measured[measured["cohort"].astype(str).str.startswith("2024-01-22")]["value"].tail(1)
    assert cost > 0  # loans to whom nobody would lend
