"""Exact bounds: the textbook's numbers, at most the error that was asked for at tiny alpha, and nothing for trifles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from decisionloop.observe.exact_rate import Bounds, difference_bounds, known_rows, rate_bounds, residual_bounds


def test_bounds_are_those_of_clopper_and_pearson() -> None:
    for events, n in ((0, 20), (3, 20), (20, 20), (7, 1000)):
        told = rate_bounds(events, n, 0.025)
        book = binomtest(events, n).proportion_ci(0.95, "exact")
        assert (told.low, told.high) == pytest.approx((book.low, book.high))
        assert told.value == events / n


@pytest.mark.parametrize("alpha", [0.01, 1e-3, 1e-5])
@pytest.mark.parametrize(("n", "rate"), [(40, 0.03), (500, 0.2), (5_000, 0.97)])
def test_the_error_is_at_most_alpha_computed_not_simulated(n: int, rate: float, alpha: float) -> None:
    k = np.arange(n + 1)
    bounds = [rate_bounds(float(events), n, alpha) for events in k]
    chance = binom.pmf(k, n, rate)
    assert chance[[b.low > rate for b in bounds]].sum() <= alpha * (1 + 1e-6)
    assert chance[[b.high < rate for b in bounds]].sum() <= alpha * (1 + 1e-6)


def test_unequal_rates_are_covered_as_well() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(0.4, 2, 600)
    bounds = [residual_bounds((rng.random(600) < p).astype(float), p, 0.01) for _ in range(4_000)]
    wrong = [b.low > 0 for b in bounds], [b.high < 0 for b in bounds]
    assert max(map(np.mean, wrong)) <= 0.01 + 2 * np.sqrt(0.01 * 0.99 / 4_000)


@given(st.floats(0, 50), st.floats(0.1, 50), st.floats(1e-6, 0.4))
def test_bounds_enclose_the_value_also_of_fractions(events: float, others: float, alpha: float) -> None:
    told = rate_bounds(events, events + others, alpha)
    assert 0 <= told.low <= told.value + 1e-12
    assert told.value - 1e-12 <= told.high <= 1
    assert told.size_low <= abs(told.value) + 1e-12 <= told.size_high + 2e-12


@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_a_difference_of_rates_keeps_its_error(alpha: float) -> None:
    rng = np.random.default_rng(2)
    many, few = rng.binomial(4_000, 0.1, 8_000), rng.binomial(80, 0.1, 8_000)
    told = [
        difference_bounds(rate_bounds(a, 4_000, alpha), rate_bounds(b, 80, alpha))
        for a, b in zip(many, few, strict=True)
    ]
    limit = alpha + 2 * np.sqrt(alpha * (1 - alpha) / 8_000)
    assert np.mean([d.low > 0 for d in told]) <= limit
    assert np.mean([d.high < 0 for d in told]) <= limit
    assert np.mean([d.low > -0.05 for d in told]) > 0.05  # and it is not so wide that it says nothing


def test_the_size_of_a_change_is_sure_only_where_its_sign_is() -> None:
    assert Bounds(0.1, -0.01, 0.2).size_low == 0
    assert Bounds(0.1, 0.04, 0.2).size_low == 0.04
    assert Bounds(-0.1, -0.2, -0.04).size_low == 0.04
    assert Bounds(-0.1, -0.2, 0.05).size_high == 0.2


def test_rows_with_anything_missing_are_left_out() -> None:
    y, p = known_rows([1, np.nan, 0, 1], [0.5, 0.5, np.nan, 0.25])
    assert y.tolist() == [1, 1]
    assert p.tolist() == [0.5, 0.25]
