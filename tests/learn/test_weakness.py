"""What a candidate makes of a slice that lost money, in a world where what it should expect is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import load_use_case
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.weakness import surprise_on_slices
from decisionloop.observe.slice_predicate import Condition, write_predicate
from decisionloop.predict.predictions import Predictions
from tests.small_use_case import write_small

ROWS = 4000
DEEP = write_predicate((Condition("debt", above=6.0),))


@pytest.fixture(scope="module")
def use_case(tmp_path_factory):
    return load_use_case(write_small(tmp_path_factory.mktemp("use cases")).folder).use_case


@pytest.fixture(scope="module")
def world():
    """Loans to everybody; debt above 6 doubles the risk. Gives the log and the true risk."""
    chance = np.random.default_rng(5)
    debt = chance.uniform(0, 10, ROWS)
    risk = np.where(debt > 6, 0.4, 0.2)
    frame = pd.DataFrame({"shop_id": [f"s{i}" for i in range(ROWS)], "turnover": 100.0, "debt": debt, "trade": "farm"})
    log = pd.DataFrame(
        {
            "entity_id": frame["shop_id"],
            "role": np.where(np.arange(ROWS) % 10 == 0, "holdout", "champion"),
            "action": "lend",
            "fallback_reason": None,
            "outcome_class": (chance.random(ROWS) < risk).astype(float),
            "outcome_amount": np.nan,
        }
    )
    return LoggedBatches(log, frame, np.ones(ROWS, dtype=np.int64)), risk


def told(probability):
    """Predictions for (hold, lend); holding predicts nothing."""
    return Predictions(np.column_stack([np.full(ROWS, np.nan), probability]), None)


def test_who_knows_the_slice_is_not_surprised_by_it_and_who_does_not_loses_as_much_as_before(use_case, world):
    batches, risk = world
    (known,) = surprise_on_slices(use_case, batches, told(risk), [DEEP])
    assert abs(known.value) < known.high - known.low  # twice the half-width: chance alone is allowed nearly 4 errors
    (unknown,) = surprise_on_slices(use_case, batches, told(np.full(ROWS, 0.2)), [DEEP])
    # A default costs 10 + 40, and there are 0.2 more of them than expected.
    assert known.value - unknown.value == pytest.approx(0.2 * 50)


def test_only_policy_traffic_of_the_slice_counts(use_case, world):
    batches, risk = world
    (known,) = surprise_on_slices(use_case, batches, told(risk), [DEEP])
    inside = (batches.frame["debt"] > 6) & (batches.log["role"] != "holdout")
    assert known.n == inside.sum()


def test_a_slice_that_nobody_was_in_says_so(use_case, world):
    batches, risk = world
    empty = write_predicate((Condition("debt", above=60.0),))
    found = surprise_on_slices(use_case, batches, told(risk), [DEEP, empty])
    assert [one.is_known for one in found] == [True, False]
