"""A candidate that the compiled scorer refuses decides with its pipeline, and whoever asks is told why."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from decisionloop.learn import fitting, serving
from decisionloop.ledger import schema
from decisionloop.ledger.decisions import shadow_runs
from decisionloop.ledger.releases import find_stage, release_events
from decisionloop.ledger.verdicts import find_training_set
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.release_store import load_release
from tasks.learn.candidates import train_and_keep
from tests.release_lives import into_shadow

pytestmark = pytest.mark.xdist_group("loop")


@pytest.fixture
def large_trees(monkeypatch):
    build = fitting.gradient_boosting_pipeline
    sizes = {"model__max_leaf_nodes": 80, "model__min_samples_leaf": 1, "model__l2_regularization": 0.0}
    sizes |= {"model__max_iter": 10}  # one of them would be too large to be compiled
    monkeypatch.setattr(serving, "CALLS", 10)  # its latency is read a hundred times elsewhere, and it is no fast one
    monkeypatch.setattr(fitting, "gradient_boosting_pipeline", lambda *a: build(*a).set_params(**sizes))


def test_a_release_that_was_not_compiled_says_why_and_is_scored(restored, large_trees):
    with restored("shadowed") as installation:
        workspace, ledger = installation.workspace, installation.ledger
        with ledger.connect() as connection:
            (taught_by,) = connection.execute(select(schema.training_set.c.training_set_id)).scalars()
        fact = find_training_set(ledger, taught_by)
        release_id, *_ = train_and_keep(workspace, fact, "gradient_boosting")
        release = find_stage(ledger, release_id).release
        (refusal,) = json.loads(release.card_json)["refusals"]
        assert "max_leaf_nodes <= 64" in refusal
        assert refusal in release_events(ledger, release_id)[0].reason
        assert refusal in _model_card(workspace, release.mlflow_version)
        model = load_release(workspace.snapshots, release.scorer_digest)
        assert isinstance(model.leading, PipelineScorer)
        into_shadow(ledger, release)
        installation.predict(2)
        installation.act(2)
        (run,) = shadow_runs(ledger, release_id)
        assert (run.status, run.nan_rows) == ("ok", 0)


def test_a_release_that_was_compiled_has_nothing_to_say(shadowed):
    with shadowed.ledger.connect() as connection:
        cards = connection.execute(
            select(schema.release.c.card_json).where(schema.release.c.scorer_digest.is_not(None))
        ).scalars()
        assert {tuple(json.loads(card)["refusals"]) for card in cards} == {()}


def _model_card(workspace, version):
    import mlflow

    uri = workspace.settings.resolved_mlflow_uri()
    run = mlflow.MlflowClient(uri, uri).get_model_version("small", version).run_id
    return mlflow.artifacts.load_text(f"runs:/{run}/release/model_card.md")
