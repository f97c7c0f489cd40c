"""Where sales are rare and large the gate knows from the release how large one more may be, though none was seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.economics import action_values
from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.evidence import Contender, gate_rules, gather_evidence
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.seen_outcomes import Policies, logged_for
from decisionloop.learn.serving import ServingTime
from decisionloop.observe.off_policy import difference, one_hot
from decisionloop.observe.possible_money import AmountSizes, UsualAmounts
from decisionloop.predict.predictions import Predictions
from tests.small_use_case import write_offers

N, LOGS, CONFIDENCE = 500, 150, 0.9
SALE, SIGMA = 0.01, 1.5
MEAN = 1 / (0.3 * SALE)  # so that a letter for 1 earns exactly what it costs
NOTHING, MAIL = 0, 1


@pytest.fixture(scope="module")
def offers(tmp_path_factory) -> UseCase:
    return load_use_case(write_offers(tmp_path_factory.mktemp("usecases")).folder).use_case


@pytest.fixture(scope="module")
def sizes() -> UsualAmounts:
    """What a release has seen of many sales, and of those who bought nothing."""
    sales = MEAN * np.random.default_rng(1).lognormal(-(SIGMA**2) / 2, SIGMA, 100_000)
    return AmountSizes(0.0, 0.0, 0.0), AmountSizes.of(sales, np.full(len(sales), MEAN))


def world(use_case: UseCase, seed: int) -> LoggedBatches:
    """Half got a letter, drawn evenly; a few of them buy, and nobody else does."""
    chance = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "shop_id": [f"s{i}" for i in range(N)],
            "visits": chance.integers(0, 30, N).astype(float),
            "channel": pd.Series(["web"] * N, dtype="str"),
        }
    )
    action = chance.integers(0, 2, N)
    bought = (chance.random(N) < SALE) & (action == MAIL)
    amount = np.where(bought, MEAN * chance.lognormal(-(SIGMA**2) / 2, SIGMA, N), 0.0)
    log = pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(N)],
            "entity_id": frame["shop_id"],
            "as_of": pd.Timestamp("2024-01-01", tz="UTC"),
            "role": "exploration",
            "action": np.array(use_case.action_names)[action],
            "propensity": 0.5,
            "fallback_reason": None,
            "outcome_class": bought.astype(float),
            "outcome_amount": amount,
        }
    )
    return LoggedBatches(log, frame, np.full(N, MAIL))


def told_by(expected: float) -> Predictions:
    """A model that expects so many sales of a letter, and none otherwise."""
    chance, amount = np.zeros((N, 3)), np.zeros((N, 3, 2))
    chance[:, MAIL], amount[:, :, 1] = expected, MEAN
    return Predictions(chance, amount)


def wrongly_sure(use_case: UseCase, amounts: UsualAmounts) -> float:
    """How often to stop writing letters, which gains nothing, seems surely to earn more."""
    policies = [one_hot(np.full(N, action), 3) for action in (NOTHING, MAIL)]
    wrong = 0
    for seed in range(LOGS):
        batches = world(use_case, seed)
        values = action_values(use_case, batches.frame, told_by(SALE))
        logged = logged_for(use_case, batches.log, batches.frame, Policies(*policies, values, amounts))
        money = difference(logged, *policies, "dr", 2 * CONFIDENCE - 1).money
        wrong += money.low is not None and money.low > 0
    return wrong / LOGS


def test_giving_up_rare_large_sales_seems_a_gain_no_more_often_than_declared(offers, sizes):
    assert wrongly_sure(offers, ()) > 0.2  # what the log alone shows of sizes is far too little
    assert wrongly_sure(offers, sizes) <= 1 - CONFIDENCE + 3 * np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / LOGS)


def test_the_gate_asks_the_challenger_for_the_sizes(offers, sizes):
    batches, rules = world(offers, 5), gate_rules(offers, 1)
    told = [
        gather_evidence(
            offers, batches, Contender(told_by(0.0), ServingTime(1.0, 10), amounts=one), Contender(None), rules
        ).money
        for one in ((), sizes)
    ]
    assert told[1].low < told[0].low
