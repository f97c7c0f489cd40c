"""Outputs of a release beside the champion's: noise is not told, and a difference in one row of a hundred is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from decisionloop.monitor.shadow.outputs import output_differences
from decisionloop.monitor.shadow.record import OutputDifference

ERROR, RUNS, ROWS = 0.01, 200, 4_000
MOST = int(binom.ppf(0.999, RUNS, ERROR))
"""So many of the runs may raise something at the declared rate."""


def champion_scores(rng: np.random.Generator, rows: int = ROWS) -> np.ndarray:
    return rng.beta(2, 6, rows)


def differences(champion, shadow, before=()) -> tuple[OutputDifference, ...]:
    return output_differences({"score": (champion, shadow)}, before, ERROR)


def is_told(found: tuple[OutputDifference, ...]) -> bool:
    return any(one.is_moved or one.is_unusual or 0 < one.differing < one.n / 2 for one in found)


def test_the_champion_beside_itself_raises_nothing_however_its_numbers_are_added_up() -> None:
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        before: list[tuple[OutputDifference, ...]] = []
        for _ in range(3):
            scores = champion_scores(rng, 1_000)
            found = differences(scores, scores * (1 + 1e-14 * rng.standard_normal(1_000)), before)
            assert not is_told(found)
            assert found[0].differing == 0
            before.append(found)


def test_the_champions_own_batches_lie_apart_no_more_often_than_declared() -> None:
    told = 0
    for run in range(RUNS):
        rng = np.random.default_rng(1_000 + run)
        told += differences(champion_scores(rng), champion_scores(rng))[0].is_moved
    assert told <= MOST


def test_another_model_whose_differences_stay_as_they_were_is_unusual_no_more_often_than_declared() -> None:
    told = 0
    for run in range(RUNS):
        rng = np.random.default_rng(2_000 + run)
        before: list[tuple[OutputDifference, ...]] = []
        for _ in range(2):
            scores = champion_scores(rng)
            found = differences(scores, scores + 0.02 * rng.standard_t(3, ROWS), before)
            told += found[0].is_unusual
            before.append(found)
    assert told <= MOST


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_one_row_in_a_hundred_that_is_scored_otherwise_is_told_in_nearly_every_run(noise: float) -> None:
    """Beside a twin of the champion, and beside another model that differs everywhere by a little."""
    told = 0
    for run in range(50):
        rng = np.random.default_rng(3_000 + run)
        first, scores = champion_scores(rng, 30_000), champion_scores(rng, 30_000)
        before = differences(first, first + noise * rng.standard_normal(30_000))
        injected = np.where(np.arange(30_000) % 100 == 7, 0.5, 0.0)
        found = differences(scores, scores + noise * rng.standard_normal(30_000) + injected, [before])
        told += is_told(found) and found[0].beyond >= 300
    assert told >= 48


def test_a_row_of_which_only_one_of_the_two_says_something_differs() -> None:
    scores = champion_scores(np.random.default_rng(1), 500)
    silent = np.where(np.arange(500) < 5, np.nan, scores)
    (found,) = differences(scores, silent)
    assert (found.n, found.differing, found.beyond) == (500, 5, 5)
    assert output_differences({"amount": (np.full(3, np.nan), np.full(3, np.nan))}, (), ERROR) == ()
