"""Features that nobody has yet and categories by the hundred: the loop decides, learns and says what it left out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from decisionloop.ledger.releases import champion, find_stage, release_events, shadows
from decisionloop.sources.checking import check_use_case

pytestmark = pytest.mark.xdist_group("loop")

TRADES = [f"k{i:03d}" for i in range(300)]


def _trades_by_the_hundred(installation):
    path = installation.written.folder / "usecase.yaml"
    features = yaml.safe_load(path.read_text())["features"]
    next(one for one in features if one["name"] == "trade")["categories"] = TRADES
    installation.contract(features=features, model={"candidates": ["scorecard", "gradient_boosting"]})

    def renamed(history):
        return history.assign(trade=np.random.default_rng(3).choice(TRADES, len(history)))

    installation.written.change("history.csv", renamed)


def test_a_feature_that_is_missing_everywhere_is_left_out_and_named(small, fast_mlflow):
    small.written.change("history.csv", lambda history: history.assign(trade="craft", debt=history["debt"] * np.nan))
    # Turnover alone must tell who pays back, and the rules take it the wrong way round.
    small.written.change("history.csv", lambda history: history.assign(turnover=_telling(small)))
    findings = check_use_case(small.written.folder).findings
    assert any(one.startswith("debt is missing in every row, and a training leaves it out") for one in findings)
    assert any(one.startswith("trade is craft in every row") for one in findings)
    small.turn(0)
    small.turn(1)
    (shadow,) = shadows(small.ledger, "small")
    trained = release_events(small.ledger, shadow.release_id)[0].reason
    assert trained.endswith("outcomes without debt (missing in every row), trade (craft in every row)")
    card = json.loads(find_stage(small.ledger, shadow.release_id).release.card_json)
    assert card["left_out"] == {"debt": "missing in every row", "trade": "craft in every row"}
    small.turn(2)
    assert champion(small.ledger, "small").release_id == shadow.release_id
    small.predict(3)
    small.act(3)
    assert small.decisions(3)["score"].notna().any()


def _telling(installation):
    outcomes = pd.read_parquet(installation.written.folder / "data" / "outcomes.parquet")
    chance = np.random.default_rng(8).uniform(0, 100, len(outcomes))
    return (chance + 50 * outcomes["defaulted"].to_numpy()).round(2)


@pytest.mark.exhaustive
@pytest.mark.exhaustive
def test_categories_by_the_hundred_are_checked_decided_and_learnt_from(small, fast_mlflow):
    _trades_by_the_hundred(small)
    assert not any("trade" in one for one in check_use_case(small.written.folder).findings)
    for week in (0, 1, 2):
        small.turn(week)
    release = champion(small.ledger, "small").release
    assert release.kind != "rules"
    small.predict(3)
    small.act(3)
    assert small.decisions(3)["score"].notna().any()
