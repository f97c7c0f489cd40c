"""A world in which most shops buy nothing, and what each is expected to spend is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.training_set import TrainingSet
from tests.small_use_case import write_small

ROWS = 4000


def amount_alone(folder: Path) -> UseCase:
    """``small`` with an amount for its only outcome: a loan earns what it brings."""
    return load_use_case(
        write_small(
            folder,
            outcome={"class": None, "amount": {"column": "spent", "unit": "EUR"}},
            economics={"value": {"hold": "0", "lend": "amount - 1"}},
        ).folder
    ).use_case


def class_and_amount(folder: Path) -> UseCase:
    """``small`` with an amount beside its class: who buys, and for how much."""
    return load_use_case(
        write_small(
            folder,
            outcome={"amount": {"column": "spent", "unit": "EUR"}},
            economics={"value": {"hold": "0", "lend": "amount * outcome - 1"}},
        ).folder
    ).use_case


def shops(seed: int, rows: int = ROWS) -> pd.DataFrame:
    """Shops with a turnover, a debt that some do not tell, and a trade."""
    chance = np.random.default_rng(seed)
    debt = chance.uniform(0, 10, rows)
    return pd.DataFrame(
        {
            "shop_id": [f"s{seed}-{i}" for i in range(rows)],
            "turnover": chance.gamma(4, 25, rows),
            "debt": np.where(chance.random(rows) < 0.05, np.nan, debt),
            "trade": pd.Series(chance.choice(["craft", "farm", "retail"], rows), dtype="str"),
        }
    )


def chance_of_buying(frame: pd.DataFrame) -> np.ndarray:
    """P(amount != 0) of each shop (n,), 0.15 in the mean; who has much debt hardly ever buys."""
    debt = frame["debt"].fillna(5.0).to_numpy()
    return np.asarray(1 / (1 + np.exp(0.6 * debt + 0.2 - 1.2 * (frame["trade"] == "retail").to_numpy())))


def usual_size(frame: pd.DataFrame) -> np.ndarray:
    """E[amount | amount != 0] of each shop (n,): what a buyer spends rises with the turnover."""
    return np.asarray(0.6 * frame["turnover"].to_numpy() + 20 * (frame["trade"] == "retail").to_numpy())


def expected_spending(frame: pd.DataFrame) -> np.ndarray:
    """E[amount] of each shop (n,)."""
    return chance_of_buying(frame) * usual_size(frame)


def bought(frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Who buys (n,)."""
    return np.random.default_rng([seed, 1]).random(len(frame)) < chance_of_buying(frame)


def spent(frame: pd.DataFrame, seed: int, spread: float | None = None) -> np.ndarray:
    """Amounts (n,) of mean `expected_spending`; ``spread``: lognormal of this sigma, heavy-tailed from 1.5 on."""
    chance = np.random.default_rng([seed, 2])
    noise = chance.gamma(4, 0.25, len(frame))
    if spread is not None:
        noise = np.exp(spread * chance.normal(size=len(frame)) - spread**2 / 2)
    return np.where(bought(frame, seed), usual_size(frame) * noise, 0.0)


def lesson(frame: pd.DataFrame, amount: np.ndarray, outcome_class: np.ndarray | None = None) -> TrainingSet:
    """A training set in which every shop weighs the same."""
    ids = frame["shop_id"].to_numpy(dtype=object)
    return TrainingSet(frame, outcome_class, amount, np.ones(len(frame)), ids, ids, float(len(frame)))
