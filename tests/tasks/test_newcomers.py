"""Who enters shadow is scored on the newest batch at once, audited there, and may be on trial by the next one."""

from __future__ import annotations

import pytest

from decisionloop.learn.ramp import Standing
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.releases import canary, challengers, find_stage
from decisionloop.ledger.shadow_audits import shadow_audits
from decisionloop.predict.release_model import ReleaseModel
from tests.small_use_case import as_of
from tests.tasks.installation import copy, run_task, working_in
from tests.tasks.test_shadows import SaysNothing

pytestmark = pytest.mark.xdist_group("loop")

STEPS = [{"share": 0.25, "confidence": 0.55}, {"share": 0.5, "confidence": 0.9}]


@pytest.fixture
def hasty(saved, tmp_path):
    """The first week is decided and nothing is learnt yet; newcomers need not wait."""
    with working_in(tmp_path / "life", copy(saved / "begun", tmp_path / "life")) as installation:
        installation.contract(shadow={"on_newest_batch": True}, canary={"steps": STEPS})
        yield installation


def test_a_newcomer_is_scored_on_the_batch_that_was_decided_without_it_and_decides_a_share_of_the_next(hasty):
    hasty.turn(1)
    (newcomer,) = challengers(hasty.ledger, "small")
    (run,) = shadow_runs(hasty.ledger, newcomer.release_id)
    assert (run.batch_id, run.status, run.rows, run.nan_rows) == (hasty.batch(1), "ok", 600, 0)
    (audit,) = shadow_audits(hasty.ledger, newcomer.release_id)
    assert (audit.batch_id, audit.n, audit.error) == (hasty.batch(1), 600, "")
    assert 0 < audit.disagreement.otherwise < audit.n
    assert canary(hasty.ledger, "small").event.share == 0.25
    hasty.predict(2)
    hasty.act(2)
    assert newcomer.release_id in set(hasty.decisions(2)["release_id"])
    assert len(shadow_runs(hasty.ledger, newcomer.release_id)) == 2


def test_a_retraining_that_is_repeated_scores_nobody_again(hasty):
    hasty.turn(1)
    before = hasty.tables()
    hasty.retrain(1)
    assert hasty.tables() == before


def test_a_newcomer_that_says_nothing_is_not_let_decide(hasty, monkeypatch):
    monkeypatch.setattr("tasks.predict.score.load_release", lambda *_: ReleaseModel(SaysNothing(), None))
    hasty.turn(1)
    (newcomer,) = challengers(hasty.ledger, "small")
    assert [run.status for run in shadow_runs(hasty.ledger, newcomer.release_id)] == ["nan"]
    assert newcomer.stage == "shadow"


def test_where_the_contract_does_not_want_it_a_newcomer_waits_for_the_next_batch(hasty):
    hasty.contract(shadow={"on_newest_batch": False})
    hasty.turn(1)
    (newcomer,) = challengers(hasty.ledger, "small")
    assert newcomer.stage == "shadow"
    assert shadow_runs(hasty.ledger, newcomer.release_id) == ()
    assert run_task("tasks.watch.shadows", "audit_shadows", "small", as_of(1)) == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize(("surer", "is_displaced"), [(0.95, True), (0.8, False)])
def test_who_stands_for_a_smaller_share_gives_its_trial_to_a_surer_newcomer(hasty, monkeypatch, surer, is_displaced):
    hasty.turn(1)
    first = canary(hasty.ledger, "small").release_id
    monkeypatch.setattr(
        "tasks.learn.canaries.standing_now",
        lambda _, release, *__: Standing(0.8 if release.release_id == first else surer, is_behind=False),
    )
    hasty.predict(2)
    hasty.act(2)
    hasty.observe(2)
    said = hasty.retrain(2, reason="Try another kind.", is_forced=True, candidates=["gradient_boosting"])
    now = canary(hasty.ledger, "small")
    assert (now.release_id != first) == is_displaced
    assert now.event.share == 0.25
    if is_displaced:
        assert find_stage(hasty.ledger, first).stage == "refused"
        assert "takes its place on trial" in find_stage(hasty.ledger, first).event.reason
        assert now.release_id.startswith("small/gradient_boosting/")
    assert ("it decides for 25%" in said) == is_displaced
