"""What a release costs to serve: measured on rows in bulk, compared with the champion's, priced by the contract."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, load_use_case
from decisionloop.contract.operation import ServingCost
from decisionloop.learn import serving
from decisionloop.learn.evidence import Contender, extra_serving_cost
from decisionloop.predict.release_model import ReleaseModel
from tests.small_use_case import write_small

PRICES = ServingCost(cpu_hour=3600, stored_gib=5)  # a second costs 1
RULES = Contender(None)


@pytest.fixture(scope="module")
def use_case(tmp_path_factory: pytest.TempPathFactory) -> UseCase:
    return load_use_case(write_small(tmp_path_factory.mktemp("usecases")).folder).use_case


@pytest.fixture(scope="module")
def priced(use_case: UseCase) -> UseCase:
    return use_case.model_copy(update={"serving_cost": PRICES})


def model(latency_ms: float | None, cpu_seconds_per_row: float | None) -> Contender:
    return Contender(None, latency_ms, cpu_seconds_per_row)


@pytest.mark.parametrize(
    ("challenger", "champion", "expected"),
    [
        (model(9.0, 0.003), RULES, 0.003),
        (model(9.0, 0.003), model(5.0, 0.001), 0.002),
        (model(9.0, 0.001), model(5.0, 0.003), -0.002),
        (model(9.0, None), model(5.0, 0.001), 0.008),
        (model(9.0, 0.003), model(5.0, None), 0.003),
        (model(None, None), RULES, 0.0),
    ],
)
def test_only_the_difference_counts_and_what_is_not_measured_favours_nobody(
    priced: UseCase, challenger: Contender, champion: Contender, expected: float
) -> None:
    assert extra_serving_cost(priced, challenger, champion) == pytest.approx(expected)


def test_without_a_price_there_is_nothing_to_compare(use_case: UseCase) -> None:
    assert extra_serving_cost(use_case, model(9.0, 0.003), RULES) is None


class Slow:
    """A scorer that needs so many processor seconds a call."""

    features = ("turnover",)

    def __init__(self, seconds: float) -> None:
        self.seconds, self.rows = seconds, 0

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """Burn and answer."""
        until = time.process_time() + self.seconds
        while time.process_time() < until:
            pass
        self.rows = max(self.rows, len(frame))
        return np.full(len(frame), 0.5)

    def contributions(self, frame: pd.DataFrame) -> np.ndarray:
        """Nothing moved it."""
        return np.zeros((len(frame), 1))


@pytest.fixture
def slow() -> Slow:
    return Slow(0.005)


def release_of(scorer: Slow) -> ReleaseModel:
    return replace(ReleaseModel(None, None), class_scorer=scorer)  # type: ignore[arg-type]


def test_scoring_and_explaining_are_measured_by_the_row(
    use_case: UseCase, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "FEW_ROWS", 10)
    monkeypatch.setattr(serving, "MOST_ROWS", 50)
    frame = pd.DataFrame({"turnover": np.zeros(80)})
    taken = serving.cpu_seconds_per_row(use_case, release_of(slow), frame, runs=2)
    assert taken is not None
    assert 0.010 / 50 <= taken < 0.04 / 50
    assert slow.rows == 50


def test_a_slow_release_is_measured_on_few_rows(use_case: UseCase, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "FEW_ROWS", 10)
    monkeypatch.setattr(serving, "SLOW_SECONDS", 0.001)
    taken = serving.cpu_seconds_per_row(use_case, release_of(slow), pd.DataFrame({"turnover": np.zeros(80)}))
    assert taken is not None
    assert taken >= 0.010 / 10
    assert slow.rows == 10


def test_of_no_rows_nothing_can_be_measured(use_case: UseCase, slow: Slow) -> None:
    assert serving.cpu_seconds_per_row(use_case, release_of(slow), pd.DataFrame({"turnover": []})) is None
