"""A challenger that is not proven decides for a share of the entities, for more as more speaks for it, or no more."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from decisionloop.act.canary import OnTrial
from decisionloop.act.turn import salt_of
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.flags import set_flag
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import canary, champion, release_events
from decisionloop.predict.release_model import ReleaseModel
from tasks.readback.tables import read_part
from tasks.seal.seal import seal_stream
from tests.small_use_case import as_of
from tests.tasks.installation import copy, working_in
from tests.tasks.test_sealing import answered, asked_of, begin
from tests.tasks.test_shadows import SaysNothing

pytestmark = pytest.mark.xdist_group("trial")

UNATTAINABLE = 100_000
STEPS = [{"share": 0.25, "confidence": 0.55}, {"share": 0.5, "confidence": 0.55}]


@pytest.fixture(scope="module")
def lived(saved, tmp_path_factory):
    """A life in which a model is not proven for long: ``shadowed`` when it has come into shadow, then ``on_trial``."""
    root = tmp_path_factory.mktemp("lived")
    written = copy(saved / "begun", root / "life")
    with working_in(root / "life", written) as installation:
        installation.contract(canary={"steps": STEPS})
        installation.turn(1)
        installation.contract(gate={"minimum_effective_n": UNATTAINABLE})
    copy(root / "life", root / "shadowed")
    with working_in(root / "life", written) as installation:
        installation.turn(2)
    copy(root / "life", root / "on_trial")
    return root


@pytest.fixture
def unproven(lived, tmp_path):
    """A model has come into shadow, and it will be long before it is proven."""
    with working_in(tmp_path / "life", copy(lived / "shadowed", tmp_path / "life")) as installation:
        yield installation


@pytest.fixture
def tried(lived, tmp_path):
    """It has scored a batch beside the champion, and is on trial from the next one on."""
    with working_in(tmp_path / "life", copy(lived / "on_trial", tmp_path / "life")) as installation:
        yield installation


def _on_trial(installation) -> OnTrial | None:
    found = canary(installation.ledger, "small")
    return None if found is None else OnTrial(found.release_id, found.event.share)


def test_it_decides_for_more_entities_step_by_step_and_for_those_alone(tried):
    first = _on_trial(tried)
    assert first.share == 0.25
    assert set(tried.decisions(2)["role"]) == {"baseline", "exploration", "holdout"}
    tried.turn(3)
    decided = tried.decisions(3)
    drawn = first.draws(decided["entity_id"].to_numpy(dtype=object), salt_of(tried.workspace.use_case))
    is_free = (decided["role"] != "holdout") & decided["fallback_reason"].isna()
    is_by_it = (decided["release_id"] == first.release_id).to_numpy()
    assert is_by_it[is_free & drawn].mean() > 0.8
    assert set(decided["role"][is_free & drawn & ~is_by_it]) <= {"baseline"}, "the rules, where it has no support"
    assert not (decided["release_id"] == first.release_id).to_numpy()[~(is_free & drawn)].any()
    by_it = decided[decided["role"] == "canary"]
    assert len(by_it) > 50
    assert by_it["score"].notna().all()
    assert decided.loc[~drawn, "score"].isna().all()
    assert by_it["reason_codes"].map(json.loads).map(len).min() > 0
    assert not by_it["reason_codes"].str.contains('turnover"]').any()
    assert _on_trial(tried) == OnTrial(first.release_id, 0.5)
    assert champion(tried.ledger, "small").release.kind == "rules"


def test_what_differs_was_drawn_with_its_share_and_what_does_not_was_certain_but_for_exploring(tried):
    tried.turn(3)
    by_it = tried.decisions(3).query("role == 'canary'")
    differs = by_it["action"] != by_it["rules_action"]
    assert differs.any()
    # A fifth of those to whom nothing would be lent get a loan to learn from, be it on trial or not.
    expected = by_it["action"].map({"hold": 0.25 * 0.8, "lend": 0.25 + 0.75 * 0.2})
    assert by_it.loc[differs, "propensity"].to_numpy() == pytest.approx(expected[differs].to_numpy())
    assert (by_it.loc[~differs, "propensity"] > 0.5).all()


def test_on_trial_it_fails_and_is_rolled_back_with_nobody_left_undecided(tried, monkeypatch):
    on_trial = _on_trial(tried)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.predict.score.load_release", lambda *_: ReleaseModel(SaysNothing(), None))
        tried.predict(3)
        tried.act(3)
    decided = tried.decisions(3)
    assert len(decided) == len(tried.decisions(2))
    assert not (decided["role"] == "canary").any()
    assert decided["propensity"].min() > 0
    tried.observe(3)
    assert "could not score" in tried.learn(3)
    assert _on_trial(tried) is None
    last = release_events(tried.ledger, on_trial.release_id)[-1]
    assert (last.stage, last.decider) == ("rolled_back", "guard")
    (told,) = [one for one in alerts(tried.ledger, "small") if one.kind == "canary"]
    assert "rolled back" in told.message


def test_the_kill_switch_takes_its_say_at_once_and_no_further_step_is_taken(tried):
    set_flag(tried.ledger, "small", "kill_switch", "on", "complaints", "head")
    tried.turn(3)
    assert set(tried.decisions(3)["role"]) <= {"baseline", "holdout"}
    assert _on_trial(tried).share == 0.25


def test_nobody_is_on_trial_before_it_has_scored_a_batch_beside_the_champion(unproven):
    assert _on_trial(unproven) is None


def test_without_steps_nobody_is_on_trial(unproven):
    unproven.contract(canary={"steps": []})
    unproven.turn(2)
    unproven.turn(3)
    assert _on_trial(unproven) is None


def test_a_run_that_is_repeated_takes_no_second_step(tried):
    tried.learn(2)
    assert _on_trial(tried).share == 0.25


def test_proof_ends_the_trial_and_the_champion_decides_for_everybody(tried):
    on_trial = _on_trial(tried)
    tried.contract(gate={"minimum_effective_n": 60})
    tried.turn(3)
    assert champion(tried.ledger, "small").release_id == on_trial.release_id
    stages = [one.stage for one in release_events(tried.ledger, on_trial.release_id)]
    assert stages == ["candidate", "shadow", "canary", "champion"]
    assert _on_trial(tried) is None
    tried.turn(4)
    assert "champion" in set(tried.decisions(4)["role"])
    assert "canary" not in set(tried.decisions(4)["role"])


def test_what_it_brings_is_no_gain_of_exploring(tried):
    for week in (3, 4):
        tried.turn(week)
    measured = measurements_of(tried.ledger, "small", "exploration_cost")
    (cost,) = measured[measured["cohort"].astype(str).str.startswith("2024-01-22")]["value"].tail(1)
    assert cost > 0  # loans to whom nobody would lend


def test_whom_it_decides_one_at_a_time_it_decides_to_the_bit_as_in_a_batch(lived, tmp_path):
    def said(installation, kind):
        return read_part(installation.workspace, installation.batch(3), kind, 0).to_pandas()

    with working_in(tmp_path / "batch", copy(lived / "on_trial", tmp_path / "batch")) as in_a_batch:
        in_a_batch.contract(online={})
        in_a_batch.predict(3)
        frame = said(in_a_batch, "features")
        in_a_batch.act(3)
        expected, beside = in_a_batch.decisions(3), said(in_a_batch, "predictions")
    with working_in(tmp_path / "online", copy(lived / "on_trial", tmp_path / "online")) as online:
        answered(begin(online), asked_of(frame, as_of(3)))
        seal_stream.fn("small", is_over=True)
        found, shadowing = online.decisions(3), said(online, "predictions")
    assert "canary" in set(expected["role"])
    pd.testing.assert_frame_equal(found.drop(columns="is_sent"), expected.drop(columns="is_sent"))
    pd.testing.assert_frame_equal(shadowing, beside.astype(shadowing.dtypes))  # text that repeats is stored otherwise
