"""``usecase check`` warns of a feature that was written down after the outcome, and of no ordinary one."""

from __future__ import annotations

import pandas as pd

from decisionloop.sources.checking import check_use_case
from tests.small_use_case import write_offers, write_small


def _warnings(written):
    return [one for one in check_use_case(written.folder).findings if "alone tells the outcome" in one]


def test_a_feature_that_knows_the_outcome_of_a_replay_is_named(tmp_path):
    written = write_small(tmp_path)
    assert _warnings(written) == []
    outcomes = pd.read_parquet(written.folder / "data" / "outcomes.parquet")
    written.change("history.csv", lambda history: history.assign(turnover=50 + 20 * outcomes["defaulted"].to_numpy()))
    (warning,) = _warnings(written)
    assert warning.startswith("turnover alone tells the outcome: AUC 1.000, surely above 0.9")
    assert "before the decision" in warning


def test_it_is_named_in_a_past_experiment_as_well(tmp_path):
    written = write_offers(tmp_path)
    assert _warnings(written) == []
    written.change("experiment.csv", lambda log: log.assign(visits=10 + log["bought"]))
    (warning,) = _warnings(written)
    assert warning.startswith("visits alone")


def test_every_one_that_knows_it_is_named_at_once(tmp_path):
    written = write_small(tmp_path)
    outcomes = pd.read_parquet(written.folder / "data" / "outcomes.parquet")["defaulted"].to_numpy()
    known = {"turnover": 50 + 20 * outcomes, "debt": 50 - 20 * outcomes}
    written.change("history.csv", lambda history: history.assign(**known))
    assert {one.split()[0] for one in _warnings(written)} == set(known)
