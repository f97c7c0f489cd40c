"""A release on trial that does harm which no outcome is needed to see is stopped by the turn that sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from decisionloop.act.choice_table import ON_TRIAL
from decisionloop.errors import DeploymentStopped
from decisionloop.ledger.alerts import alerts
from decisionloop.ledger.releases import canary, champion, find_stage, release_events, shadows
from decisionloop.ledger.shadow_audits import last_audit
from decisionloop.monitor.canary.sample_ratio import Drawn
from decisionloop.predict.release_model import ReleaseModel
from decisionloop.release_store import load_release
from tasks.learn.canaries import hindrance
from tasks.learn.release_stages import by_gate, refuse
from tasks.readback.tables import read_part
from tasks.release.deployment import Deployment
from tasks.release.evidence_for import ask_gate
from tests.small_use_case import as_of
from tests.tasks.installation import Installation

pytestmark = pytest.mark.xdist_group("trial")

Damage = Callable[[pd.DataFrame, np.ndarray], np.ndarray]


class Damaged:
    """A scorer whose scores are damaged on their way; everything else of it is as it was."""

    def __init__(self, scorer: Any, damage: Damage) -> None:
        self._scorer, self._damage = scorer, damage

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        return self._damage(frame, self._scorer.score(frame))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scorer, name)


def silent_of_craft(frame: pd.DataFrame, chance: np.ndarray) -> np.ndarray:
    return np.where(frame["trade"] == "craft", np.nan, chance)


def always_yes(frame: pd.DataFrame, chance: np.ndarray) -> np.ndarray:
    return 0.01 * chance


@pytest.fixture
def tried(waiting: Installation) -> Installation:
    """A model is on trial, and has decided nobody yet; the ledger on either engine."""
    waiting.learn(2)
    assert canary(waiting.ledger, "small") is not None
    return waiting


def served(life: Installation, monkeypatch: pytest.MonkeyPatch, week: int, damage: Damage | None) -> None:
    """A week's batch is scored and decided, what the release says being damaged."""

    def damaged(*where: Any) -> ReleaseModel:
        model = load_release(*where)
        assert damage is not None
        return replace(model, class_scorer=Damaged(model.class_scorer, damage))

    with monkeypatch.context() as patch:
        if damage is not None:
            patch.setattr("tasks.predict.score.load_release", damaged)
        life.predict(week)
    life.act(week)
    life.observe(week)


def test_it_is_stopped_by_itself_history_says_why_and_people_are_told_once(tried, monkeypatch):
    on_trial = canary(tried.ledger, "small")
    served(tried, monkeypatch, 3, silent_of_craft)
    assert "canary" in set(tried.decisions(3)["role"])
    assert "was stopped: As seen in small/" in tried.learn(3)
    event = release_events(tried.ledger, on_trial.release_id)[-1]
    assert (event.stage_before, event.stage, event.decided_by) == ("canary", "rolled_back", "guard")
    assert "It values nobody with trade=craft" in event.reason
    assert json.loads(event.evidence) == {"batch_id": tried.batch(3), "harm": "values"}
    assert champion(tried.ledger, "small").release.kind == "rules"
    before = tried.tables()
    tried.learn(3)  # a turn that is repeated
    assert tried.tables() == before
    assert [one.kind for one in alerts(tried.ledger, "small")].count("stopped") == 1


def test_without_harm_it_goes_on_and_its_draw_and_its_calls_are_kept(tried, monkeypatch):
    on_trial = canary(tried.ledger, "small")
    served(tried, monkeypatch, 3, None)
    tried.learn(3)
    assert canary(tried.ledger, "small").release_id == on_trial.release_id
    found, decided = last_audit(tried.ledger, on_trial.release_id), tried.decisions(3)
    taken = read_part(tried.workspace, tried.batch(3), "choice", 0, [ON_TRIAL])[ON_TRIAL]
    assert found.drawn == Drawn(on_trial.event.share, int((decided["role"] != "holdout").sum()), pc.sum(taken).as_py())
    assert found.calls.pairs > 0
    assert found.counts.rows == sum(found.scores.now) == 600


def test_a_draw_of_another_share_stops_it_with_its_counts_whoever_is_to_blame(tried, monkeypatch):
    on_trial = canary(tried.ledger, "small")
    monkeypatch.setattr("decisionloop.act.canary.on_trial", lambda ids, *_: np.arange(len(ids)) % 20 == 0)
    monkeypatch.setattr("tasks.readback.trials.load_release", lambda *_: 1 / 0)  # nor do its calls stop the turn
    served(tried, monkeypatch, 3, None)
    assert "its draw is broken" in tried.learn(3)
    reason = release_events(tried.ledger, on_trial.release_id)[-1].reason
    assert f"expected ({on_trial.event.share:.2%})" in reason
    assert find_stage(tried.ledger, on_trial.release_id).stage == "rolled_back"
    assert last_audit(tried.ledger, on_trial.release_id).calls is None


def test_what_does_harm_in_shadow_is_not_let_on_trial(waiting, monkeypatch):
    served(waiting, monkeypatch, 3, always_yes)
    waiting.learn(3)
    assert canary(waiting.ledger, "small") is None
    (shadow,) = shadows(waiting.ledger, "small")
    (decides,) = (one for one in (champion(waiting.ledger, "small"),) if one is not None)
    assert "of its scores have moved from those of its training" in hindrance(
        waiting.workspace, shadow, decides.release
    )


def test_of_one_that_the_gate_refuses_on_trial_people_are_told_once(tried):
    stage = canary(tried.ledger, "small")
    for _ in range(2):
        refuse(tried.workspace, stage.release, by_gate("It surely earns no more.", as_of(3), "a verdict"))
    assert find_stage(tried.ledger, stage.release_id).stage == "refused"
    told = [one.message for one in alerts(tried.ledger, "small") if one.kind == "canary"]
    assert told == [
        f"{stage.release_id} was refused on trial, and decides for nobody any more. It surely earns no more."
    ]


def test_what_does_harm_in_shadow_is_not_promoted_though_the_gate_has_it_proven(waiting, monkeypatch):
    """The gate asks the release anew, and finds it sound; what served it damages what it says."""
    served(waiting, monkeypatch, 3, always_yes)
    waiting.contract(gate={"minimum_effective_n": 60})
    said = waiting.learn(3)
    assert "promote." in said
    assert "It waits, because of harm: " in said
    assert champion(waiting.ledger, "small").release.kind == "rules"
    (shadow,) = shadows(waiting.ledger, "small")
    with pytest.raises(DeploymentStopped, match="it does harm"):
        ask_gate.fn(Deployment("small", shadow.release_id), shadow)
