"""A review of the features is made once, from the ledger alone, and stands in the model card and on the terminal."""

from __future__ import annotations

import json

import pytest

from decisionloop.cli.features import show_features
from decisionloop.errors import UsageError
from decisionloop.learn import feature_review
from decisionloop.learn.card_of_features import HEADING
from decisionloop.learn.reviewed_features import FeatureReview, FeatureWorth, Known, idle_features
from decisionloop.ledger.feature_reviews import append_review, feature_reviews
from decisionloop.ledger.releases import champion, find_stage
from decisionloop.observe.estimate import Estimate
from decisionloop.report.assemble import assemble_story
from decisionloop.report.page import paragraphs
from decisionloop.report.read.features import reviewed_features
from decisionloop.report.record.claims import disagreements
from decisionloop.report.words.features import feature_in_brief
from tasks.learn.feature_reviews import made_review
from tests.small_use_case import as_of
from tests.tasks.installation import run_flow

pytestmark = pytest.mark.xdist_group("loop")


def _nothing_before(installation) -> None:
    """An earlier review, when less was mature, in which no feature earned anything."""
    worth = Estimate(-0.1, -1.0, 0.8, 500, 480.0, 0.95)
    worths = tuple(FeatureWorth(name, worth, 0) for name in ("debt", "trade", "turnover"))
    append_review(installation.ledger, FeatureReview("small", as_of(2), "scorecard", "2024-01-01", None, worths, {}))


def _card(installation, release_id: str) -> str:
    import mlflow

    uri = installation.workspace.settings.resolved_mlflow_uri()
    mlflow.set_tracking_uri(uri)
    version = find_stage(installation.ledger, release_id).release.mlflow_version
    run = mlflow.MlflowClient(uri, uri).get_model_version("small", version).run_id
    return mlflow.artifacts.load_text(f"runs:/{run}/release/model_card.md")


def test_a_review_says_of_every_feature_what_the_ledger_knows(decided):
    told = run_flow("review_features", "small", as_of(3))
    assert "“debt”" in told
    (review,) = feature_reviews(decided.ledger, "small")
    decides = champion(decided.ledger, "small").release_id
    assert (review.as_of, review.kind, review.release_id) == (as_of(3), "scorecard", decides)
    assert review.cohort == "2024-01-15", "of week 3 nothing is mature"
    worths = {one.feature: one for one in review.worths}
    assert worths.keys() == {"turnover", "debt", "trade"}
    assert worths["debt"].worth.low > 0
    debt = review.facts["debt"]
    assert 0.5 < debt.reasons.value <= 1
    assert sum(one.reasons.value for one in review.facts.values()) == pytest.approx(1)
    assert debt.missing.value == pytest.approx(0.08, abs=0.03)
    assert debt.missing.n == 600
    assert 0 <= debt.drift.value < 0.2
    assert debt.age_days.value == 0, "most shops have shown something on the day"
    lines = {one.name: one for one in reviewed_features(decided.ledger, decided.workspace.use_case).lines}
    assert lines["debt"].since is not None


def test_what_its_faults_send_to_the_rules_is_counted(modelled):
    modelled.written.set("turnover", -5.0, 3, slice(0, 60))
    modelled.predict(3)
    modelled.act(3)
    facts = made_review(modelled.workspace, as_of(3)).facts
    assert facts["turnover"].to_rules == Known(0.1, 600)
    assert facts["debt"].to_rules == Known(0.0, 600)


def test_doing_it_again_fits_nothing_and_adds_nothing(decided, monkeypatch):
    first = made_review(decided.workspace, as_of(3))
    before, card = decided.tables(), _card(decided, first.release_id)
    monkeypatch.setattr(feature_review, "predicted_in_folds", None)
    assert made_review(decided.workspace, as_of(3)) == first
    assert decided.tables() == before
    assert _card(decided, first.release_id) == card


def test_the_model_card_ends_with_the_last_review(decided):
    decides = champion(decided.ledger, "small").release_id
    whole = _card(decided, decides).partition(HEADING)[0]  # the files of MLflow are those of every copy of this life
    made_review(decided.workspace, as_of(2))
    review = made_review(decided.workspace, as_of(3))
    card = _card(decided, decides)
    assert card.startswith(whole.rstrip())
    assert card.count(HEADING) == 1
    assert "Reviewed on 2024-01-22" in card
    debt = next(one for one in review.worths if one.feature == "debt")
    assert f"| `debt` | {debt.worth.value:+.4f} (" in card


def test_what_earns_nothing_twice_is_named_with_what_it_would_save(decided, capsys):
    _nothing_before(decided)
    show_features("small", "2024-01-22", is_json=True)
    told = json.loads(capsys.readouterr().out)["review"]
    reviews = feature_reviews(decided.ledger, "small")
    worths = {one.feature: one for one in reviews[-1].worths}
    named = {one["name"] for one in told["lines"] if one["is_idle"]}
    assert named == set(idle_features(reviews)) == {name for name, one in worths.items() if one.earns_nothing}
    assert named, "of turnover and trade, one at least"
    assert "debt" not in named
    assert all(one["saved_lookups"] > 0 for one in told["lines"] if one["is_idle"])
    assert (told["together"] is None) == (len(named) == 1)
    show_features("small", "", is_json=False)
    text = capsys.readouterr().out
    assert text.count("has earned nothing in two reviews in a row") == len(named)
    assert "Leaving it out would save" in text
    assert text.splitlines()[-3].startswith("debt: +€")


def test_page_and_terminal_say_the_same(decided):
    _nothing_before(decided)
    made_review(decided.workspace, as_of(3))
    story = assemble_story(decided.ledger, decided.workspace.use_case)
    assert story.features is not None
    said = [one for told in paragraphs(story).values() for one in told]
    assert disagreements([*said, *(feature_in_brief(one, "EUR") for one in story.features.lines)]) == ()


def test_while_the_rules_decide_the_model_that_would_be_trained_is_reviewed(shadowed):
    told = run_flow("review_features", "small", as_of(1))
    (review,) = feature_reviews(shadowed.ledger, "small")
    assert (review.release_id, review.kind) == (None, "scorecard")
    assert "The rules decided then: it is the model that would be trained." in told


def test_before_anything_is_mature_there_is_nothing_to_review(small):
    told = run_flow("review_features", "small", as_of(0))
    assert told.startswith("There is nothing to review yet: no mature decision of small")
    with pytest.raises(UsageError, match="no mature decision"):
        show_features("small", "2024-01-01", is_json=False)
    assert feature_reviews(small.ledger, "small") == ()
