"""The first look is fair to both sides, taken on the world that is, and opens the comparison that decides."""

from __future__ import annotations

import json

import numpy as np
import pytest

from decisionloop.ledger.releases import champion, shadows
from decisionloop.ledger.verdicts import find_training_set, verdicts
from decisionloop.predict.prediction_table import predictions_from_table
from tasks.learn.candidates import contender_of, unlearnt_contender
from tasks.learn.comparisons import find_comparison, staked
from tasks.learn.training_rows import training_rows_of
from tasks.readback.mature_decisions import mature_batches
from tasks.readback.tables import read_table
from tests.small_use_case import as_of
from tests.tasks.test_retraining import raise_incident

pytestmark = pytest.mark.xdist_group("loop")


def test_a_model_champion_is_predicted_out_of_fold_on_what_taught_it_and_plainly_on_the_rest(modelled):
    workspace, decides = modelled.workspace, champion(modelled.ledger, "small").release
    _, taught = training_rows_of(workspace, find_training_set(modelled.ledger, decides.training_set_id))
    told, plain = unlearnt_contender(workspace, decides, taught), contender_of(workspace, decides, taught)
    kept = read_table(workspace, json.loads(decides.card_json)["out_of_fold"])
    ids = taught.log["decision_id"].to_numpy(dtype=object)
    out_of_fold = predictions_from_table(workspace.use_case, kept, ids)
    np.testing.assert_array_equal(told.predictions.probability, out_of_fold.probability)
    assert not np.allclose(told.predictions.probability, plain.predictions.probability, equal_nan=True)
    later = mature_batches(workspace, as_of(1), as_of(1), as_of(2), ())
    told, plain = unlearnt_contender(workspace, decides, later), contender_of(workspace, decides, later)
    np.testing.assert_array_equal(told.predictions.probability, plain.predictions.probability)


def test_after_a_change_it_is_taken_on_what_came_since(modelled):
    modelled.contract(monitors={"cooldown_days": 0, "retrain_every_days": 400})
    modelled.turn(3)
    raise_incident(modelled, "performance", 1)
    modelled.retrain(4, reason="The world changed.", is_forced=True)
    look = [one for one in verdicts(modelled.ledger, "small") if one.look == 1][-1]
    evidence = json.loads(look.evidence)
    since = modelled.decisions(1).query("role != 'holdout'")
    assert evidence["judged_since"] == "2024-01-08"
    assert evidence["money"]["n"] >= len(since)
    assert evidence["money"]["n"] < 2 * len(since) + len(modelled.decisions(0))


def test_who_comes_into_shadow_stakes_a_share_of_the_year_s_error_and_says_how_it_will_bet(shadowed):
    (challenger,) = shadows(shadowed.ledger, "small")
    rules = champion(shadowed.ledger, "small").release
    opened = find_comparison(shadowed.workspace, challenger.release, rules)
    assert opened.stake == pytest.approx(0.25 * 0.4)
    assert opened.bets.limit > 0
    assert [(one.stake, one.is_promoted) for one in staked(shadowed.workspace)] == [(opened.stake, False)]


def test_a_promotion_hands_the_stake_back(modelled):
    assert [one.is_promoted for one in staked(modelled.workspace)] == [True]
