"""Amounts that have not come are bounded by what a release knows of amounts, not by the few that happened to come."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.missing_outcomes import missing_outcomes
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.observe.possible_money import UsualAmounts, amounts_by_class
from decisionloop.observe.value import realised_value
from tests.monitor.watched import watched

COHORTS, ROWS = 120, 300


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    """One in twenty buys, and a loan earns a tenth of what is bought."""
    return watched(
        outcome={"amount": {"column": "spent", "unit": "EUR"}},
        economics={"value": {"hold": "0", "lend": "0.1 * amount * outcome"}},
    )


def purchases(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Heavy-tailed: the mean is 50, and one purchase in fifty is above 250."""
    bought = rng.random(rows) < 0.05
    return pd.DataFrame(
        {
            "entity_id": np.arange(rows).astype(str),
            "action": "lend",
            "propensity": 1.0,
            "outcome_class": bought.astype(float),
            "outcome_amount": np.where(bought, 50 * np.exp(1.5 * rng.normal(size=rows) - 1.5**2 / 2), 0.0),
        }
    )


def with_holes(rng: np.random.Generator, log: pd.DataFrame) -> pd.DataFrame:
    """Of the purchases most have not come, rather the large ones."""
    size = np.log1p(log["outcome_amount"].to_numpy()) + rng.normal(size=len(log))
    is_gone = (log["outcome_class"] == 1).to_numpy() & (size > 3.0)
    return log.assign(**{name: log[name].mask(is_gone) for name in ("outcome_class", "outcome_amount")})


def usual(use_case: UseCase) -> UsualAmounts:
    past = purchases(np.random.default_rng(99), 20_000)
    return amounts_by_class(use_case, past["outcome_class"].to_numpy(), past["outcome_amount"].to_numpy())


def bounds_of(use_case: UseCase, log: pd.DataFrame, amounts: UsualAmounts) -> OutcomeBounds | None:
    frame = pd.DataFrame({"spend": np.full(len(log), 10.0)})
    missing = missing_outcomes(use_case, log, frame, LateArrivals.nothing(len(use_case.actions)), amounts)
    return realised_value(logged_decisions(use_case, log, frame, None, missing, amounts)).per_decision.bounds


def held(use_case: UseCase, amounts: UsualAmounts) -> float:
    """Share of cohorts whose money, once every purchase is known, lies between the bounds."""
    told = []
    for seed in range(COHORTS):
        rng = np.random.default_rng(seed)
        whole = purchases(rng, ROWS)
        bounds = bounds_of(use_case, with_holes(rng, whole), amounts)
        if bounds is not None and bounds.missing:
            money = 0.1 * float(whole["outcome_amount"].mean())
            told.append(bounds.low is not None and bounds.high is not None and bounds.low <= money <= bounds.high)
    assert len(told) > 0.9 * COHORTS
    return float(np.mean(told))


def test_bounds_hold_the_money_of_large_amounts_that_have_not_come(use_case: UseCase) -> None:
    assert held(use_case, usual(use_case)) >= 0.93


def test_the_few_that_came_would_not_have_said_it(use_case: UseCase) -> None:
    assert held(use_case, ()) < 0.85


def test_where_none_came_the_usual_sizes_bound_and_without_them_nothing_is_known(use_case: UseCase) -> None:
    log = purchases(np.random.default_rng(1), ROWS)
    log.loc[log["outcome_class"] == 1, ["outcome_class", "outcome_amount"]] = np.nan
    bounds, blind = (bounds_of(use_case, log, amounts) for amounts in (usual(use_case), ()))
    assert bounds is not None
    assert blind is not None
    assert (blind.low, blind.high) == (None, None)
    assert bounds.high is not None
    count = int(log["outcome_class"].isna().sum())
    assert bounds.high > 0.1 * count * 100 / ROWS


def test_where_many_came_their_own_range_stands(use_case: UseCase) -> None:
    log = purchases(np.random.default_rng(2), 20_000)
    log.loc[[5, 50, 500], ["outcome_class", "outcome_amount"]] = np.nan
    frame, late = pd.DataFrame({"spend": np.full(len(log), 10.0)}), LateArrivals.nothing(len(use_case.actions))
    own, known = (missing_outcomes(use_case, log, frame, late, amounts) for amounts in ((), usual(use_case)))
    np.testing.assert_array_equal(own.worst, known.worst)
    np.testing.assert_array_equal(own.best, known.best)
