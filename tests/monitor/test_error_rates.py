"""Error rates by group: what happened to the favoured, and what exploration tells of those who were passed over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase
from decisionloop.monitor.impact.error_rates import error_rate_figures, is_bad_outcome
from decisionloop.observe.cohort import Figure
from tests.monitor.impact_world import HOLD, LEND, loans, people


def decisions(n: int, explored: float, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Log, frame and preferred action: 30 % of women and 60 % of men would get a loan; 20 % of anyone defaults.

    Where the release would not lend, 30 % of women and 50 % of men would default.
    """
    rng = np.random.default_rng(seed)
    frame = people({("f", "mid"): n, ("m", "mid"): n, ("f", "young"): 50})
    is_woman = (frame["sex"] == "f").to_numpy()
    preferred = np.where(rng.random(len(frame)) < np.where(is_woman, 0.3, 0.6), LEND, HOLD)
    is_explored = rng.random(len(frame)) < explored
    action = np.where(is_explored, 1 - preferred, preferred)
    risk = np.where(preferred == LEND, 0.2, np.where(is_woman, 0.3, 0.5))
    outcome = np.where(action == LEND, rng.random(len(frame)) < risk, np.nan)
    log = pd.DataFrame(
        {
            "action": np.where(action == LEND, "lend", "hold"),
            "role": "champion",
            "fallback_reason": None,
            "propensity": np.where(is_explored, explored, 1 - explored),
            "outcome_class": outcome,
            "outcome_amount": np.nan,
        }
    )
    return log, frame, preferred


def figures(log: pd.DataFrame, frame: pd.DataFrame, preferred: np.ndarray) -> dict[tuple[str, str], Figure]:
    found = error_rate_figures(loans(), log, frame, preferred)
    return {(figure.monitor, figure.slice): figure for figure in found}


def test_rates_cover_what_is_true_and_gaps_are_to_the_reference() -> None:
    hits = []
    # Good clients whom the release passes over: P(good, not preferred) / P(good).
    truth = {"f": 0.7 * 0.7 / (0.7 * 0.7 + 0.3 * 0.8), "m": 0.4 * 0.5 / (0.4 * 0.5 + 0.6 * 0.8)}
    for seed in range(60):
        found = figures(*decisions(3000, 0.1, seed))
        for sex, rate in truth.items():
            estimate = found["missed_good_rate", f"sex={sex}"].estimate
            hits.append(estimate.low <= rate <= estimate.high)
        gap = found["missed_good_gap", "sex=f"].estimate
        hits.append(gap.low <= truth["f"] - truth["m"] <= gap.high)
    assert np.mean(hits) > 0.9


def test_bad_outcomes_are_those_that_happened() -> None:
    log, frame, preferred = decisions(3000, 0.1)
    rate = figures(log, frame, preferred)["bad_outcome_rate", "sex=f"].estimate
    rows = (frame["sex"] == "f") & (log["action"] == "lend")
    assert rate.value == pytest.approx(log.loc[rows, "outcome_class"].mean())
    assert rate.n == rows.sum()


def test_without_exploration_nothing_is_known_of_those_passed_over() -> None:
    found = figures(*decisions(1000, 0.0))
    missed = found["missed_good_rate", "sex=f"].estimate
    assert missed.value is None
    assert "favoured by exploration" in str(missed.reason)
    assert found["missed_good_gap", "sex=f"].estimate.value is None
    assert found["bad_outcome_rate", "sex=f"].estimate.is_known


def test_small_groups_are_not_told() -> None:
    found = figures(*decisions(1000, 0.1))
    assert found["bad_outcome_rate", "age=young"].estimate.reason == "too few decisions in the group"
    assert ("bad_outcome_gap", "age=mid") not in found  # it is the reference


def test_which_outcome_is_bad_follows_from_the_money() -> None:
    frame = people({("f", "mid"): 3})
    log = pd.DataFrame({"outcome_class": [1.0, 0.0, np.nan], "outcome_amount": np.nan})
    action = np.full(3, LEND)
    np.testing.assert_array_equal(is_bad_outcome(loans(), log, frame, action), [1, 0, np.nan])
    economics = {"currency": "EUR", "value": {"hold": "0", "lend": "10 * outcome"}, "explanation": "Bought is good."}
    turned = UseCase.model_validate({**loans().model_dump(by_alias=True), "economics": economics})
    np.testing.assert_array_equal(is_bad_outcome(turned, log, frame, action), [0, 1, np.nan])
