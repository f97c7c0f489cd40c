"""A cost model finds again what it was made from."""

from __future__ import annotations

import math

import pytest

from benchmarks.cost_model import CostModel, least, stages_with_rest

FIXED, PER_ROW = {"score": 0.1, "freeze": 0.0}, {"score": 4e-6, "freeze": 2e-6}
SIZES = (10_000, 100_000, 1_000_000)


def test_a_model_is_fitted_and_tells_of_a_size_that_was_not_run():
    stages = {rows: {name: FIXED[name] + rows * PER_ROW[name] for name in FIXED} for rows in SIZES}
    model = CostModel.fitted(stages, bytes_per_row=400.0)
    assert model.seconds(1e7) == pytest.approx(60.1)
    assert model.seconds(1e7, batches=10) == pytest.approx(61.0)
    assert model.rows_a_second("score") == pytest.approx(250_000)
    assert model.cores(1e9, 1, hours=1.0) == pytest.approx(6_000.1 / 3_600)


def test_a_stage_that_sorts_costs_a_row_more_in_a_larger_batch_and_no_more_in_many_small_ones():
    stages = {rows: {"log": 0.5 + 2e-6 * rows * math.log(rows, 1e6)} for rows in SIZES}
    model = CostModel.fitted(stages, bytes_per_row=400.0)
    assert model.seconds(1e7) == pytest.approx(0.5 + 20 * 7 / 6)
    assert model.seconds(1e7, batches=10) == pytest.approx(5 + 20)
    assert model.rows_a_second("log") == pytest.approx(500_000)


def test_of_several_runs_the_least_of_each_stage_counts():
    assert least([{"score": 1.0, "log": 3.0}, {"score": 2.0, "log": 1.0}]) == {"score": 1.0, "log": 1.0}


def test_what_no_stage_tells_is_the_rest_and_no_part_is_negative():
    assert stages_with_rest({"score": 1.0}, 3.0) == {"score": 1.0, "rest": 2.0}
    falling = {10: {"score": 2.0}, 1_000: {"score": 1.0}}
    assert CostModel.fitted(falling, 1.0).per_row["score"] >= 0
