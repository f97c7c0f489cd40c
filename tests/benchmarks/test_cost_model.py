"""A cost model finds again what it was made from."""

from __future__ import annotations

import pytest

from benchmarks.cost_model import CostModel, stages_with_rest

FIXED, PER_ROW = {"score": 0.1, "log": 0.0}, {"score": 4e-6, "log": 2e-6}
SIZES = (10_000, 100_000, 1_000_000)


def test_a_model_is_fitted_and_tells_of_a_size_that_was_not_run():
    stages = {rows: {name: FIXED[name] + rows * PER_ROW[name] for name in FIXED} for rows in SIZES}
    model = CostModel.fitted(stages, bytes_per_row=400.0)
    assert model.seconds(1e7) == pytest.approx(60.1)
    assert model.seconds(1e7, batches=10) == pytest.approx(61.0)
    assert model.rows_a_second("score") == pytest.approx(250_000)
    assert model.cores(1e9, 1, hours=1.0) == pytest.approx(6_000.1 / 3_600)


def test_what_no_stage_tells_is_the_rest_and_no_part_is_negative():
    assert stages_with_rest({"score": 1.0}, 3.0) == {"score": 1.0, "rest": 2.0}
    falling = {10: {"score": 2.0}, 1_000: {"score": 1.0}}
    assert CostModel.fitted(falling, 1.0).per_row["score"] >= 0
