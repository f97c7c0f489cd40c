"""The mean of amounts that are mostly nothing and rarely large lies in its interval as often as that says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, load_use_case
from decisionloop.monitor.value import business_figures
from decisionloop.observe.amount_mean import amount_mean
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.missing_outcomes import missing_outcomes
from decisionloop.observe.possible_money import AmountSizes
from tests.small_use_case import write_offers

LOGS, N, SALE, SIGMA, MEAN = 400, 400, 0.01, 1.0, 50.0


@pytest.fixture(scope="module")
def offers(tmp_path_factory) -> UseCase:
    return load_use_case(write_offers(tmp_path_factory.mktemp("usecases")).folder).use_case


def sales(seed: int, n: int = N) -> pd.DataFrame:
    """Decisions of different shops, one in a hundred of which buys, for a few tens or hundreds."""
    chance = np.random.default_rng(seed)
    bought = chance.random(n) < SALE
    amount = np.where(bought, MEAN * chance.lognormal(-(SIGMA**2) / 2, SIGMA, n), 0.0)
    ids = [f"s{place}" for place in range(n)]
    told = {"entity_id": ids, "action": "mail", "outcome_class": bought.astype(float), "outcome_amount": amount}
    return pd.DataFrame(told)


def test_its_interval_holds_the_truth_where_sales_are_few(offers: UseCase) -> None:
    many = sales(0, 500_000)
    bought = many.loc[many["outcome_class"] == 1, "outcome_amount"].to_numpy()
    usual = (AmountSizes(0.0, 0.0, 0.0), AmountSizes.of(bought, np.full(len(bought), MEAN)))
    told = [amount_mean(offers, sales(seed), usual) for seed in range(1, LOGS)]
    known = [one for one in told if one.low is not None]
    missed = np.mean([not one.low <= SALE * MEAN <= one.high for one in known])
    assert missed <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / LOGS)
    assert len(known) > 0.9 * LOGS
    assert all(one.low >= 0 for one in known)
    assert np.median([one.high - one.low for one in known]) < 8 * SALE * MEAN  # it still says something


def test_amounts_that_everybody_has_are_told_as_sharply_as_ever(offers: UseCase) -> None:
    amount = np.random.default_rng(1).normal(40, 8, N)
    log = sales(1).assign(outcome_class=1.0, outcome_amount=amount)
    told = amount_mean(offers, log)
    plain = 1.96 * amount.std(ddof=1) / np.sqrt(N)
    assert told.value == pytest.approx(amount.mean())
    assert plain < told.high - told.value < 1.15 * plain


def test_nothing_is_told_where_nobody_bought_and_nothing_is_known(offers: UseCase) -> None:
    nobody = sales(1).assign(outcome_class=0.0, outcome_amount=0.0)
    assert amount_mean(offers, nobody).low is None


def test_every_business_figure_says_how_many_outcomes_are_missing(offers: UseCase) -> None:
    log = sales(3).assign(role="champion", fallback_reason=None, propensity=1.0)
    log.loc[:49, ["outcome_class", "outcome_amount"]] = np.nan
    frame = pd.DataFrame({"shop_id": log["entity_id"], "visits": 3.0, "channel": pd.Series(["web"] * N, dtype="str")})
    told = missing_outcomes(offers, log, frame, LateArrivals.nothing(3))
    missing = replace(told, is_missing=log["outcome_class"].isna().to_numpy())  # a replay draws its own outcomes
    figures = list(business_figures(offers, log, frame, missing))
    assert {one.monitor for one in figures} >= {"revenue_per_decision", "conversion", "false_positive_cost"}
    assert {one.estimate.bounds.missing for one in figures} == {50}
