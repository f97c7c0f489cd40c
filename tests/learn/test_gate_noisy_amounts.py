"""A challenger acts just where its model is most wrong about amounts: a gain that is none is not proven by that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.economics import action_values
from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.comparison import BothRows, rows_of
from decisionloop.learn.seen_outcomes import Policies
from decisionloop.observe.betting import Bets
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.possible_money import AmountSizes
from decisionloop.predict.predictions import Predictions
from tests.small_use_case import write_offers

NOTHING, MAIL = 0, 1
LOGS, REQUIRED = 30, 20.0
FREE = {"value": dict.fromkeys(("nothing", "mail", "voucher"), "amount")}


@pytest.fixture(scope="module")
def offers(tmp_path_factory) -> UseCase:
    """What is bought is all that counts here, and letters cost nothing."""
    return load_use_case(
        write_offers(tmp_path_factory.mktemp("usecases"), outcome={"class": None}, economics=FREE).folder
    ).use_case


def both(use_case: UseCase, rng: np.random.Generator, n: int, loss: float) -> BothRows:
    """Everybody buys; a letter for those to whom a noisy model promises ten more, against a letter for nobody.

    ``loss``: the share by which a letter makes people buy less.
    """
    size = rng.lognormal(-0.72, 1.2, n)
    frame = pd.DataFrame(
        {
            "shop_id": [f"s{i}" for i in range(n)],
            "visits": rng.integers(0, 30, n).astype(float),
            "channel": pd.Series(["web"] * n, dtype="str"),
        }
    )
    action = np.where(rng.random(n) < 0.3, MAIL, NOTHING)
    amount = size * rng.lognormal(-0.125, 0.5, n) * np.where(action == MAIL, 1 - loss, 1.0)
    log = pd.DataFrame(
        {
            "entity_id": frame["shop_id"],
            "as_of": pd.Timestamp("2024-01-01", tz="UTC"),
            "role": "exploration",
            "action": np.array(use_case.action_names)[action],
            "propensity": np.where(action == MAIL, 0.3, 0.7),
            "fallback_reason": None,
            "outcome_class": np.nan,
            "outcome_amount": amount,
        }
    )
    predicted = np.repeat(size[:, None], 3, axis=1)
    predicted[:, MAIL] *= rng.lognormal(-1.125, 1.5, n)
    values = action_values(use_case, frame, Predictions(None, predicted[:, :, None]))
    is_mailed = values[:, MAIL] - values[:, NOTHING] >= 10.0
    assert 0 < is_mailed.mean() < 0.1
    card = (AmountSizes.of(amount, predicted[np.arange(n), action]),)
    policies = one_hot(np.where(is_mailed, MAIL, NOTHING), 3), one_hot(np.full(n, NOTHING), 3)
    return rows_of(use_case, log, frame, Policies(*policies, values, card))


@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_a_gain_that_a_noisy_model_promises_and_nobody_sees_is_not_proven(offers: UseCase, loss: float) -> None:
    proven = []
    for seed in range(LOGS):
        rng = np.random.default_rng(seed)
        bets = Bets.known_before(both(offers, rng, 2_000, loss).ours)
        assert bets is not None
        gains = both(offers, rng, 20_000, loss).ours(bets.caution).within(bets.limit)
        proven.append(bets.capital(gains, 0.0) >= REQUIRED)
    assert np.mean(proven) <= 1 / REQUIRED
