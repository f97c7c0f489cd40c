"""Calibration: a true probability is found true at any sample size, a false one is measured in its real size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from decisionloop.observe.calibration import calibration


def world(rng: np.random.Generator, n: int) -> tuple[NDArray, NDArray]:
    p = 1 / (1 + np.exp(-rng.normal(-1.5, 1.0, n)))
    return p, (rng.random(n) < p).astype(float)


@pytest.mark.parametrize("n", [500, 20_000])
def test_true_probabilities_are_found_true_at_any_sample_size(n: int) -> None:
    rng = np.random.default_rng(1)
    results = [calibration(y, p) for p, y in (world(rng, n) for _ in range(300 if n < 1000 else 100))]
    in_the_large = [r.in_the_large.low <= 0 <= r.in_the_large.high for r in results]
    slope = [r.slope.low <= 1 <= r.slope.high for r in results]
    false_alarm = [r.error.low > 0 for r in results]
    slack = 2.5 * np.sqrt(0.05 * 0.95 / len(results))
    assert np.mean(in_the_large) >= 0.95 - slack
    assert np.mean(slope) >= 0.95 - slack
    assert np.mean(false_alarm) <= 0.025 + slack
    assert np.median([r.error.value for r in results]) < 0.6 * np.sqrt(0.14 / (n / 10))


@pytest.mark.parametrize(("n", "found"), [(40, 0.15), (100, 0.35)])
def test_of_few_weighted_outcomes_true_probabilities_are_hardly_ever_surely_off_and_false_ones_often_are(n, found):
    """Of some dozens of outcomes that one in three draws of an experiment weighs four times."""
    rng, told = np.random.default_rng(4), {0.0: [], 0.2: []}
    for _ in range(200):
        p = rng.beta(3.2, 4.8, n)
        weight = np.where(rng.random(n) < 0.3, 4.0, 1.0)
        for off, lows in told.items():
            y = (rng.random(n) < np.clip(p + off, 0, 1)).astype(float)
            lows.append(calibration(y, p, weight, confidence=0.9).error.low)
    assert np.mean(np.array(told[0.0]) > 0.05) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean(np.array(told[0.2]) > 0.05) >= found


def test_a_constant_excess_is_measured_and_covered() -> None:
    rng = np.random.default_rng(2)
    covered, values = [], []
    for _ in range(300):
        p, y = world(rng, 3000)
        error = calibration(y, np.clip(p + 0.05, 0, 1)).error
        covered.append(error.low <= 0.05 <= error.high)
        values.append(error.value)
    assert np.mean(covered) >= 0.93
    assert np.mean(values) == pytest.approx(0.05, abs=0.004)


def test_overconfident_probabilities_have_a_slope_below_one() -> None:
    p, y = world(np.random.default_rng(3), 20_000)
    logit = np.log(p / (1 - p))
    slope = calibration(y, 1 / (1 + np.exp(-2 * logit))).slope
    assert slope.low <= 0.5 <= slope.high
    assert slope.high < 0.6


def test_weights_restore_the_population() -> None:
    """Selected by the outcome's cause beyond p, revealed rates mislead; weighted ones do not."""
    rng = np.random.default_rng(4)
    hidden = rng.random(60_000)
    p = np.full(60_000, 0.3)
    y = (hidden < 0.3).astype(float)
    chance = np.where(hidden < 0.3, 0.2, 0.9)
    seen = rng.random(60_000) < chance
    plain = calibration(y[seen], p[seen]).in_the_large
    weighted = calibration(y[seen], p[seen], 1 / chance[seen]).in_the_large
    assert plain.high < -0.1
    assert weighted.low <= 0 <= weighted.high


def test_repeated_rows_of_an_entity_add_no_information() -> None:
    p, y = world(np.random.default_rng(5), 2000)
    once = calibration(y, p, entities=np.arange(2000))
    thrice = calibration(np.tile(y, 3), np.tile(p, 3), entities=np.tile(np.arange(2000), 3))
    for a, b in ((once.slope, thrice.slope), (once.in_the_large, thrice.in_the_large), (once.error, thrice.error)):
        assert (b.value, b.low, b.high) == pytest.approx((a.value, a.low, a.high), rel=1e-6)


def test_it_says_when_it_cannot_say() -> None:
    assert "fewer than two" in calibration([], []).error.reason
    assert "missing" in calibration([0, np.nan], [0.1, 0.1]).slope.reason
    assert "outside" in calibration([0, 1], [0.1, 1.5]).slope.reason
    one_class = calibration(np.zeros(100), np.linspace(0.01, 0.2, 100))
    assert "the same" in one_class.slope.reason
    assert one_class.in_the_large.value == pytest.approx(-0.105)
    assert "separate" in calibration([0] * 50 + [1] * 50, np.linspace(0.01, 0.99, 100)).slope.reason
    assert "too few" in calibration([0, 1, 0, 1], [0.1, 0.4, 0.2, 0.6]).error.reason
    assert "predictions are the same" in calibration([0, 1] * 30, [0.5] * 60).slope.reason
