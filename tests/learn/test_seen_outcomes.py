"""Where every action reveals the same outcome all outcomes teach with weight one, and money is the plain mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.seen_outcomes import Policies, seen_difference
from decisionloop.learn.training_set import build_training_rows
from decisionloop.observe.off_policy import one_hot
from decisionloop.predict.release_model import ACTION_COLUMN
from tests.small_use_case import write_small
from tests.tasks.test_same_outcome_for_all import ACTIONS

N = 800


@pytest.fixture(scope="module")
def use_case(tmp_path_factory) -> UseCase:
    written = write_small(
        tmp_path_factory.mktemp("usecases"),
        actions=ACTIONS,
        model={"action_as": "input"},
        outcome={"depends_on_action": False},
    )
    return load_use_case(written.folder).use_case


@pytest.fixture(scope="module")
def log() -> tuple[pd.DataFrame, pd.DataFrame]:
    chance = np.random.default_rng(0)
    ids = [f"s{i % 500}" for i in range(N)]
    debt = chance.uniform(0, 10, N)
    frame = pd.DataFrame(
        {"shop_id": ids, "turnover": 50.0, "debt": debt, "trade": pd.Series(["craft"] * N, dtype="str")}
    )
    outcome = (chance.random(N) < debt / 20).astype(float)
    outcome[chance.random(N) < 0.1] = np.nan
    lent = chance.random(N) < 0.5
    rows = {
        "decision_id": [f"d{i}" for i in range(N)],
        "entity_id": ids,
        "as_of": pd.Timestamp("2024-01-01", tz="UTC"),
        "role": np.where(np.arange(N) % 10 == 0, "holdout", "champion"),
        "action": np.where(lent, "lend", "hold"),
        "propensity": np.where(lent, 0.9, 1.0),
        "fallback_reason": np.where(
            np.arange(N) % 7 == 0, "kill switch", np.where(np.arange(N) % 11 == 0, "no debt", None)
        ),
        "outcome_class": outcome,
        "outcome_amount": np.nan,
    }
    return pd.DataFrame(rows), frame


def test_everything_that_is_known_teaches_alike_but_the_referee_and_rows_with_a_fault(use_case, log):
    decisions, frame = log
    rows = build_training_rows(use_case, decisions, frame)
    teaches = (decisions["role"] != "holdout") & decisions["outcome_class"].notna()
    teaches &= decisions["fallback_reason"].ne("no debt")
    assert set(rows.decision_id) == set(decisions["decision_id"][teaches])
    np.testing.assert_array_equal(rows.weight, 1.0)
    assert ACTION_COLUMN not in rows.frame


def test_the_gain_is_the_mean_of_what_either_policy_would_have_brought(use_case, log):
    decisions, frame = log
    careful = one_hot((frame["debt"] < 3).astype(int), 2)
    generous = one_hot(np.ones(N, dtype=int), 2)
    values = np.column_stack([np.zeros(N), 10 - 2.5 * frame["debt"]])
    told = seen_difference(use_case, decisions, frame, Policies(careful, generous, values), 0.8)
    known = decisions["outcome_class"].notna().to_numpy()
    lend = realised_values(use_case, frame, np.ones(N, dtype=int), decisions["outcome_class"], None)
    each = ((careful - generous)[:, 1] * lend)[known]
    assert told.money.value == pytest.approx(each.mean())
    assert told.money.n == known.sum()
    assert told.money.low < each.mean() < told.money.high
    assert told.overlap.unsupported_share == 0
    assert told.overlap.missing_outcomes == (~known).sum()
