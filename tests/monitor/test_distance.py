"""Distances and rates: bounds that are wrong no more often than declared, at any number of rows, and not idle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from decisionloop.errors import UsageError
from decisionloop.monitor.compare.distance import distance, largest_rate, rise, smallest_rate

counts = st.lists(st.integers(0, 10**7), min_size=4, max_size=4).filter(lambda cells: sum(cells) > 0)


def total_variation(now, before) -> float:
    """By its definition: half the sum of the absolute differences of the shares."""
    shares = [np.asarray(counts, dtype=np.float64) / np.sum(counts) for counts in (now, before)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def wrong_bounds(p: np.ndarray, q: np.ndarray, n: int, m: int, alpha: float, runs: int) -> tuple[float, float]:
    """How often the bound exceeds the true distance, and how often the 95 % interval misses it."""
    rng, true = np.random.default_rng(n), float(np.abs(p - q).sum() / 2)
    pairs = zip(rng.multinomial(n, p, runs), rng.multinomial(m, q, runs), strict=True)
    found = [distance(now, before, alpha) for now, before in pairs]
    missed = [not one.figure.low <= true <= one.figure.high for one in found]
    return float(np.mean([one.bound > true for one in found])), float(np.mean(missed))


EVEN = np.full(22, 1 / 22)
SKEWED = np.array([0.93, 0.05, 0.019, 0.001])
TWO = np.array([0.5, 0.5])


@pytest.mark.parametrize("n", [500, 5_000_000])
@pytest.mark.parametrize("p", [EVEN, SKEWED, TWO], ids=["even", "skewed", "two"])
def test_an_unchanged_distribution_is_above_nothing_more_often_than_declared(n: int, p: np.ndarray) -> None:
    for alpha in (0.2, 0.01):
        share, missed = wrong_bounds(p, p, n, 20_000, alpha, 1500)
        assert share <= alpha
        assert missed <= 0.05


@pytest.mark.parametrize("n", [500, 5_000_000])
@pytest.mark.parametrize("p", [EVEN, SKEWED], ids=["even", "skewed"])
def test_a_change_of_the_tolerated_size_is_above_it_no_more_often_than_declared(n: int, p: np.ndarray) -> None:
    q = p.copy()
    q[np.argmax(p)] -= 0.04
    q[-1] += 0.04
    share, missed = wrong_bounds(p, q, n, 20_000, 0.05, 1500)
    assert share <= 0.05
    assert missed <= 0.05


@pytest.mark.parametrize("n", [1_000, 5_000_000])
def test_the_value_is_near_the_truth_at_any_batch_size(n: int) -> None:
    rng = np.random.default_rng(2)
    spike = np.append(EVEN[:-1] * 0.6 / EVEN[:-1].sum(), 0.4)
    for q, true in ((EVEN, 0.0), (spike, 0.4 - 1 / 22), (np.where(np.arange(22) % 2, 1.8, 0.2) / 22, 0.4)):
        found = [distance(rng.multinomial(n, q), rng.multinomial(20_000, EVEN), 0.01).figure.value for _ in range(200)]
        assert np.mean(found) == pytest.approx(true, abs=0.03)


def test_two_cells_are_judged_almost_as_sharply_as_can_be() -> None:
    share, _ = wrong_bounds(TWO, TWO, 5_000, 5_000, 0.2, 4000)
    assert share > 0.0005  # not a bound that is never wrong because it says nothing


@pytest.mark.parametrize(("n", "least"), [(500, 0.1), (5_000, 0.22), (5_000_000, 0.27)])
def test_a_moved_median_is_sure_at_a_millionth(n: int, least: float) -> None:
    rng = np.random.default_rng(3)
    q = np.where(np.arange(22) < 11, 0.4 / 22, 1.6 / 22)  # true distance 0.3
    assert total_variation(q, EVEN) == pytest.approx(0.3)
    bounds = [distance(rng.multinomial(n, q), rng.multinomial(100_000, EVEN), 1e-6).bound for _ in range(50)]
    assert np.median(bounds) > least
    assert max(bounds) <= 0.3


@given(counts, counts, st.floats(1e-12, 0.5), st.integers(1, 100))
def test_the_bound_lies_below_the_raw_distance_and_grows_with_rows_and_alpha(
    now: list[int], before: list[int], alpha: float, times: int
) -> None:
    found, raw = distance(now, before, alpha), total_variation(now, before)
    assert 0 <= found.bound <= raw <= 1
    assert 0 <= found.figure.low <= found.figure.value <= raw <= found.figure.high + 1e-12
    assert distance(now, before, alpha / 2).bound <= found.bound
    more = distance([times * one for one in now], [times * one for one in before], alpha)
    assert more.bound >= found.bound - 1e-9
    assert distance(before, now, alpha).bound == pytest.approx(found.bound)


def test_vectors_without_rows_or_of_other_bins_have_no_distance() -> None:
    for now, before in (([0, 0], [1, 1]), ([1, 1], [0, 0]), ([1, 1], [1, 1, 1])):
        with pytest.raises(UsageError, match="no distance"):
            distance(now, before, 0.01)


@pytest.mark.parametrize("alpha", [0.05, 1e-7])
@pytest.mark.parametrize(("hits", "rows"), [(0, 500), (3, 500), (499, 500), (500, 500), (100_000, 5_000_000)])
def test_limits_of_a_rate_are_where_the_binomial_tail_is_alpha(hits: int, rows: int, alpha: float) -> None:
    low, high = smallest_rate(hits, rows, alpha), largest_rate(hits, rows, alpha)
    assert low <= hits / rows <= high
    if hits:
        assert binom.sf(hits - 1, rows, low) == pytest.approx(alpha, rel=1e-4)
    if hits < rows:
        assert binom.cdf(hits, rows, high) == pytest.approx(alpha, rel=1e-4)


def test_a_rise_is_surely_above_its_truth_no_more_often_than_declared() -> None:
    rng = np.random.default_rng(4)
    for n, rate, before in ((500, 0.002, 0.002), (500, 0.3, 0.1), (5_000_000, 0.3, 0.1)):
        pairs = zip(rng.binomial(n, rate, 500), rng.binomial(20_000, before, 500), strict=True)
        found = [rise((int(x), n), (int(y), 20_000), 0.1) for x, y in pairs]
        assert np.mean([one.bound > rate - before for one in found]) <= 0.1
        assert np.mean([not one.figure.low <= rate - before <= one.figure.high for one in found]) <= 0.05
    assert rise((200, 500), (200, 20_000), 1e-6).bound > 0.25
