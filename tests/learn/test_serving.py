"""What a release takes to serve: its work counted and priced by the contract, its time read at its best of many."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from decisionloop.contract import UseCase, load_use_case
from decisionloop.contract.operation import ServingCost
from decisionloop.learn.candidates import Kind, train
from decisionloop.learn.evidence import Contender, extra_serving_cost
from decisionloop.learn.serving import CALLS, LatencyEvidence, ServingTime, one_decision, serving_time
from decisionloop.learn.serving_work import SECONDS_PER_LOOKUP, least_milliseconds, lookups_per_row
from decisionloop.learn.training_set import TrainingSet
from decisionloop.predict.release_model import ReleaseModel
from tests.small_use_case import write_small

PRICES = ServingCost(cpu_hour=3600, stored_gib=5)  # a second costs 1
RULES = Contender(None)
ROWS = 600


@pytest.fixture(scope="module")
def use_case(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_use_case(write_small(tmp_path_factory.mktemp("usecases")).folder).use_case


@pytest.fixture(scope="module")
def priced(use_case: UseCase) -> UseCase:
    return use_case.model_copy(update={"serving_cost": PRICES})


@pytest.fixture(scope="module")
def shops() -> pd.DataFrame:
    chance = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "shop_id": [f"s{i}" for i in range(ROWS)],
            "turnover": chance.gamma(4, 25, ROWS),
            "debt": chance.uniform(0, 10, ROWS),
            "trade": pd.Series(chance.choice(["craft", "farm", "retail"], ROWS), dtype="str"),
        }
    )


def trained(use_case: UseCase, kind: Kind, shops: pd.DataFrame) -> ReleaseModel:
    outcome = (np.random.default_rng(2).random(ROWS) < shops["debt"] / 10).to_numpy(dtype=np.float64)
    ids = shops["shop_id"].to_numpy(dtype=object)
    rows = TrainingSet(shops, outcome, None, np.ones(ROWS), ids, ids, float(ROWS))
    with threadpool_limits(1):  # threads of parallel test workers wait for each other
        return train(use_case, kind, rows).model


@pytest.fixture(scope="module")
def trees(use_case: UseCase, shops: pd.DataFrame) -> ReleaseModel:
    return trained(use_case, "gradient_boosting", shops)


def model(lookups: int) -> Contender:
    return Contender(None, ServingTime(9.0, lookups))


@pytest.mark.parametrize(
    ("challenger", "champion", "lookups"),
    [(model(3000), RULES, 3000), (model(3000), model(1000), 2000), (model(1000), model(3000), -2000)],
)
def test_only_the_difference_of_counted_work_is_priced(
    priced: UseCase, challenger: Contender, champion: Contender, lookups: int
) -> None:
    expected = lookups * SECONDS_PER_LOOKUP
    assert extra_serving_cost(priced, challenger, champion) == pytest.approx(expected, rel=1e-9)


def test_without_a_price_or_a_count_there_is_nothing_to_compare(use_case: UseCase, priced: UseCase) -> None:
    assert extra_serving_cost(use_case, model(3000), RULES) is None
    assert extra_serving_cost(priced, Contender(None), RULES) is None


def test_more_trees_are_more_work_and_a_scorecard_is_less(
    use_case: UseCase, shops: pd.DataFrame, trees: ReleaseModel
) -> None:
    assert lookups_per_row(use_case, trees) > 3 * lookups_per_row(use_case, trained(use_case, "scorecard", shops))


class Clock:
    """A machine on which a call takes ``seconds`` each, the first ones longer."""

    def __init__(self, *seconds: float) -> None:
        self.seconds, self.now, self.asked = seconds, 0.0, 0

    def __call__(self) -> float:
        """Every second question ends a call."""
        if self.asked % 2:
            self.now += self.seconds[min(self.asked // 2, len(self.seconds) - 1)]
        self.asked += 1
        return self.now


def test_the_best_of_a_hundred_calls_is_the_reading(
    use_case: UseCase, shops: pd.DataFrame, trees: ReleaseModel
) -> None:
    clock = Clock(*[0.5] * 60, 0.002, 0.3)
    read = serving_time(use_case, trees, shops, clock)
    assert read.reading_ms == pytest.approx(2.0)
    assert clock.asked >= 2 * 100
    assert CALLS >= 100


def test_the_clock_changes_neither_the_work_nor_its_price(
    priced: UseCase, shops: pd.DataFrame, trees: ReleaseModel
) -> None:
    fast, slow = (serving_time(priced, trees, shops, Clock(seconds)) for seconds in (1e-6, 3.0))
    assert fast.lookups == slow.lookups
    costs = [extra_serving_cost(priced, Contender(None, one), RULES) for one in (fast, slow)]
    assert costs[0] == costs[1]


def test_what_is_told_of_a_budget_is_no_machine_s_but_where_every_reading_was_over_it() -> None:
    assert ServingTime(3.0, 10**6).against(100) == ServingTime(99.0, 10**6).against(100)
    assert ServingTime(140.0, 10**6).against(100) == LatencyEvidence(least_milliseconds(10**6), 140.0)
    assert ServingTime(140.0, 10**6).against(None).over_ms is None


@pytest.fixture
def busy() -> Iterator[None]:
    """Something else that runs all the time."""
    is_over = threading.Event()

    def burn() -> None:
        while not is_over.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=burn) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield
    is_over.set()
    for thread in threads:
        thread.join()


def test_a_busy_machine_reads_no_decision_over_the_usual_budget(
    use_case: UseCase, shops: pd.DataFrame, trees: ReleaseModel, busy: None
) -> None:
    assert serving_time(use_case, trees, shops).against(100.0).over_ms is None


def test_a_row_with_missing_values_is_timed_like_any_other(
    use_case: UseCase, shops: pd.DataFrame, trees: ReleaseModel
) -> None:
    one_decision(use_case, trees, shops.assign(debt=np.nan, trade=pd.Series([None] * ROWS, dtype="str")))()
