"""Amounts have no bound: what they count as at most, what lies beyond, and what that is worth to a proof."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.act.economics import action_values
from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.comparison import BothRows, rows_of
from decisionloop.learn.seen_outcomes import Policies, logged_for
from decisionloop.observe.amount_tails import REACH, AmountTails, far_money, tails_of
from decisionloop.observe.betting import Bets
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.possible_money import AmountSizes
from decisionloop.predict.predictions import Predictions
from tests.small_use_case import write_offers

NOTHING, MAIL = 0, 1
KEPT = 0.75


@pytest.fixture(scope="module")
def offers(tmp_path_factory) -> UseCase:
    return load_use_case(write_offers(tmp_path_factory.mktemp("usecases")).folder).use_case


def lognormal(rng: np.random.Generator, n: int, sigma: float) -> np.ndarray:
    return rng.lognormal(-(sigma**2) / 2, sigma, n)


@pytest.mark.parametrize("sigma", [0.25, 0.6, 1.0, 1.5])
@pytest.mark.parametrize("n", [60, 400, 4_000])
def test_what_lies_beyond_is_not_more_than_is_taken_off(sigma: float, n: int) -> None:
    """On average over logs: of a heavy tail each log sees another part."""
    rng, over = np.random.default_rng(7), []
    everybody = lognormal(np.random.default_rng(8), 1_000_000, sigma)
    for _ in range(60):
        tails = AmountTails.of(lognormal(rng, n, sigma), np.ones(n))
        beyond = np.maximum(everybody - 1 - REACH * tails.above, 0.0).mean()
        over.append(tails.beyond(np.ones(1))[1][0] - beyond)
    assert np.mean(over) > -0.003
    assert np.mean(np.array(over) >= 0) > 0.8


def test_light_tails_cost_next_to_nothing_and_heavy_ones_what_the_second_power_allows() -> None:
    rng, n = np.random.default_rng(1), 5_000
    light, heavy = (AmountTails.of(lognormal(rng, n, sigma), np.ones(n)) for sigma in (0.25, 2.0))
    assert light.beyond_above < 0.01 * light.above / (4 * REACH) * 10
    assert heavy.beyond_above == pytest.approx(heavy.above / (4 * REACH), rel=0.01)


def test_who_spends_much_is_as_far_off_in_proportion() -> None:
    rng = np.random.default_rng(2)
    expected = np.exp(rng.normal(3, 1, 3_000))
    tails = AmountTails.of(expected * lognormal(rng, 3_000, 0.25), expected)
    assert tails.is_relative
    low, high = tails.far(np.array([1.0, 100.0]))
    assert high == pytest.approx(np.array([1.0, 100.0]) * (1 + REACH * tails.above))
    assert (low == 0).all()
    even = AmountTails.of(expected + rng.normal(0, 0.01, 3_000), expected)
    assert not even.is_relative


def test_amounts_below_nought_are_never_taken_for_shares_of_what_is_expected() -> None:
    tails = AmountTails.of(np.array([-5.0, 3.0, 8.0]), np.array([1.0, 2.0, 3.0]))
    assert not tails.is_relative
    assert tails.far(np.array([1.0]))[0][0] < 0


def test_no_size_is_smaller_than_what_is_known_besides() -> None:
    few, known = (np.array([9.0, 11.0]), np.full(2, 10.0)), AmountSizes(10.0, 4.0, 30.0)
    assert AmountTails.of(*few, known).far(np.full(1, 10.0))[1][0] == pytest.approx(10 + REACH * 30)
    assert AmountTails.of(np.full(2, np.nan), few[1], known).above == 30.0
    assert AmountTails.of(np.full(2, np.nan), few[1]) is None


@given(st.integers(0, 10_000), st.sampled_from([0.3, 1.0, 2.0]))
@settings(max_examples=40, deadline=None)
def test_what_was_seen_lies_within_what_is_counted_as_seen(seed: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    expected = rng.uniform(0.5, 50, 200)
    amount = expected * lognormal(rng, 200, sigma)
    least, most = AmountTails.of(amount, expected).seen(expected)
    assert (least <= amount + 1e-9).all()
    assert (amount <= most + 1e-9).all()


def log_of(use_case: UseCase, rng: np.random.Generator, n: int, gain: float, sigma: float) -> tuple:
    """A quarter gets a letter by chance; with it ``gain`` more of a hundred buy. What is bought differs tenfold."""
    frame = pd.DataFrame(
        {
            "shop_id": [f"s{i}" for i in range(n)],
            "visits": rng.integers(0, 30, n).astype(float),
            "channel": pd.Series(["web"] * n, dtype="str"),
        }
    )
    action = np.where(rng.random(n) < 0.25, MAIL, NOTHING)
    size = np.exp(rng.normal(3, 0.8, n))
    bought = rng.random(n) < KEPT + gain * (action == MAIL)
    log = pd.DataFrame(
        {
            "entity_id": frame["shop_id"],
            "as_of": pd.Timestamp("2024-01-01", tz="UTC"),
            "role": "exploration",
            "action": np.array(use_case.action_names)[action],
            "propensity": np.where(action == MAIL, 0.25, 0.75),
            "fallback_reason": None,
            "outcome_class": bought.astype(float),
            "outcome_amount": np.where(bought, size * lognormal(rng, n, sigma), 0.0),
        }
    )
    return log, frame, size


def both(use_case: UseCase, log: pd.DataFrame, frame: pd.DataFrame, size: np.ndarray, is_told: bool) -> BothRows:
    """A letter for everybody against one for nobody, told by a model that knows how much each one buys, or not."""
    n = len(log)
    chance = np.tile([KEPT, KEPT, np.nan], (n, 1))
    amount = np.zeros((n, 3, 2))
    amount[:, :, 1] = size[:, None]
    values = action_values(use_case, frame, Predictions(chance, amount))
    policies = [one_hot(np.full(n, action), 3) for action in (MAIL, NOTHING)]
    return rows_of(use_case, log, frame, Policies(*policies, values, predicted=amount if is_told else None))


def capital(use_case: UseCase, seed: int, gain: float, sigma: float = 0.4, is_told: bool = True) -> float:
    """What betting on the letter has become after 6,000 decisions, bets set by 1,500 before; letters are free here."""
    rng, contact = np.random.default_rng(seed), 1.0
    before, after = (log_of(use_case, rng, n, gain, sigma) for n in (1_500, 6_000))
    bets = Bets.known_before(both(use_case, *before, is_told).ours)
    if bets is None:
        return 1.0
    gains = both(use_case, *after, is_told).ours(bets.caution).within(bets.limit)
    return bets.capital(gains, -contact)


def test_a_letter_that_brings_nothing_is_proven_as_seldom_as_declared(offers: UseCase) -> None:
    proven = np.mean([capital(offers, seed, 0.0, sigma) >= 10 for seed in range(30) for sigma in (0.4, 1.5)])
    assert proven <= 0.1


def test_a_gain_is_proven_where_one_knows_what_each_one_buys(offers: UseCase) -> None:
    seeds = range(10)
    told, untold = ([capital(offers, seed, 0.2, is_told=one) for seed in seeds] for one in (True, False))
    assert np.mean(np.array(told) >= 10) >= 0.8
    assert np.median(told) > 10 * np.median(untold)


def test_money_counts_down_to_what_a_no_brings_and_not_below(offers: UseCase) -> None:
    log, frame, size = log_of(offers, np.random.default_rng(3), 500, 0.0, 0.4)
    predicted = np.zeros((500, 3, 2))
    predicted[:, :, 1] = size[:, None]
    far = far_money(offers, frame, predicted, tails_of(offers, log, predicted))
    assert far.floor[:, MAIL] == pytest.approx(-1.0)
    assert (far.ceiling[:, MAIL] > 2 * 0.3 * size).all()
    told = logged_for(offers, log, frame, Policies(*[np.zeros((500, 3))] * 2, np.zeros((500, 3)), predicted=predicted))
    assert told.possible.far is not None
