"""Three actions, each with its own prediction of class and amount, learnt from the log of a past experiment."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from decisionloop.ledger.batches import batches
from decisionloop.ledger.releases import baseline, champion
from decisionloop.observe.possible_money import AmountSizes
from tasks.readback.amounts import usual_amounts_of
from tasks.readback.cohort import read_cohort
from tests.small_use_case import as_of, write_offers
from tests.tasks.installation import copy, working_in

pytestmark = pytest.mark.xdist_group("loop")

EXPLORATION = 0.3


@pytest.fixture(scope="module")
def decided_life(saved, tmp_path_factory):
    """The first batch that a model decides."""
    folder = tmp_path_factory.mktemp("offers") / "life"
    (folder / "home").mkdir(parents=True)
    shutil.copy(saved / "modelled" / "home" / "mlflow.db", folder / "home")  # making its tables takes seconds
    with working_in(folder, write_offers(folder / "usecases")) as life:
        for week in range(3):
            life.turn(week)
        assert champion(life.ledger, "offers").release.kind == "scorecard"
        life.predict(3)
        life.act(3)
    return folder


@pytest.fixture
def decided(decided_life, tmp_path):
    """A copy of that life."""
    with working_in(tmp_path / "life", copy(decided_life, tmp_path / "life")) as life:
        yield life


def test_a_promoted_model_decides_among_all_actions(decided):
    decisions = decided.decisions(3)
    assert decided.state(3) == "complete"
    free = decisions[decisions["role"].isin(["champion", "exploration"])]
    assert len(free) > 500
    _prefers_what_earns_most(free)
    _propensities_are_exact(free)
    _reasons_are_features(free)
    assert decisions.loc[decisions["role"] == "holdout", "action"].unique().tolist() == ["nothing"]


def test_a_cohort_knows_how_large_amounts_are_from_its_release_and_where_rules_decided_from_the_past(decided):
    ledger, workspace = decided.ledger, decided.workspace
    rules, model = baseline(ledger, "offers").release, champion(ledger, "offers").release
    _, _, second, last = batches(ledger, "offers")
    unseen = pd.DataFrame({"outcome_class": [np.nan], "outcome_amount": [np.nan]})
    kept = [AmountSizes(**one) for one in json.loads(model.card_json)["amounts"]]
    assert read_cohort(workspace, last, as_of(4)).amounts == tuple(kept)
    assert kept[1].mean > 0
    assert kept[1].below > 0 < kept[1].above  # of what was bought, beside what was predicted out of fold
    of_past = usual_amounts_of(workspace, second, rules, unseen, as_of(2))
    assert of_past[1].mean == pytest.approx(kept[1].mean, rel=0.3)
    assert usual_amounts_of(workspace, batches(ledger, "offers")[0], rules, unseen, as_of(2)) == ()


def _prefers_what_earns_most(free):
    values = pd.DataFrame([json.loads(text) for text in free["action_values"]], index=free.index)
    assert list(values.columns) == ["nothing", "mail", "voucher"]
    assert np.isfinite(values.to_numpy()).all()
    greedy = free["role"] == "champion"
    assert (values.idxmax(axis=1)[greedy] == free["action"][greedy]).all()
    assert (values.idxmax(axis=1)[~greedy] != free["action"][~greedy]).all()
    assert free["action"][greedy].nunique() > 1  # the experiment was built so that no single action suits everyone


def _propensities_are_exact(free):
    expected = np.where(free["role"] == "champion", 1 - EXPLORATION, EXPLORATION / 2)
    np.testing.assert_allclose(free["propensity"], expected)


def _reasons_are_features(free):
    reasons = [reason for text in free["reason_codes"] for reason in json.loads(text)]
    assert {feature for feature, _ in reasons} == {"visits", "channel"}
    assert free["score"].between(0, 1).all()
    assert (free["amount"] > 0).all()


def test_an_outcome_is_seen_only_where_the_loop_did_what_was_logged(decided):
    log = pd.read_csv(decided.written.folder / "data" / "experiment.csv", parse_dates=["decided_at"])
    first = log[log["decided_at"] == log["decided_at"].min()].set_index("shop_id")
    decisions = decided.decisions(0).set_index("entity_id")
    meets = decisions["action"].to_numpy() == first.loc[decisions.index, "action"].to_numpy()
    known = pd.DataFrame(decided.tables()["outcome"])
    assert set(known[0]) & set(decisions["decision_id"]) == set(decisions.loc[meets, "decision_id"])
