"""Bounds of a ratio of rates: the chance that they fail, summed exactly over every outcome of two binomials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import binom

from decisionloop.errors import UsageError
from decisionloop.monitor.impact.rate_ratio import ratio_upper_bound, signed_root, upper_bound_to_best


def chance_of_failing(n: int, m: int, rate: float, ratio: float, alpha: float) -> float:
    """P(bound < ratio) where the groups' rates are ratio * rate and rate."""
    y = np.arange(int(binom.ppf(1e-13, m, rate)), int(binom.ppf(1 - 1e-13, m, rate)) + 1)
    x = np.arange(int(n * rate * ratio) + 1)
    with np.errstate(all="ignore"):
        root = signed_root(np.minimum(x + 0.5, n)[None, :], n, np.maximum(y - 0.5, 0)[:, None], m, ratio)
    fails = (root > -ndtri(alpha)) & (y[:, None] > 0)
    largest = np.where(fails.any(axis=1), fails.shape[1] - 1 - fails[:, ::-1].argmax(axis=1), -1)
    return float((binom.pmf(y, m, rate) * np.where(largest >= 0, binom.cdf(largest, n, rate * ratio), 0)).sum())


@pytest.mark.parametrize("alpha", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize(("n", "m"), [(50, 50), (100, 1000), (1000, 100), (200, 5000), (1000, 1000)])
def test_the_bound_fails_at_most_as_often_as_it_may(alpha: float, n: int, m: int) -> None:
    rates = (0.005, 0.02, 0.05, 0.1, 0.3, 0.6, 0.9, 0.99)
    chances = [chance_of_failing(n, m, rate, ratio, alpha) for rate in rates for ratio in (0.5, 0.8, 1.0)]
    assert max(chances) <= alpha
    assert max(chances) > alpha / 10  # and it is not merely huge


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_the_bound_is_where_the_test_stops_rejecting(n: int, m: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(1, m))
    bound = ratio_upper_bound((x, n), (y, m), 1e-4)
    assert bound is not None
    assert bound >= (x / n) / (y / m) * (1 - 1e-9)
    few = min(x + 0.5, n)
    assert signed_root(few, n, y - 0.5, m, bound) == pytest.approx(-ndtri(1e-4), abs=1e-6)


def test_the_bound_of_a_few_counts_of_many_is_exact() -> None:
    # From a root finder of its own (brentq, to 1e-10) on the signed root.
    from scipy.optimize import brentq

    for (x, n), (y, m), alpha in (
        ((0, 10), (1, 10_000), 1e-6),
        ((3, 5_000), (2_400, 2_500), 1e-5),
        ((50, 50), (1, 60), 0.4),
        ((71_886, 71_886), (1, 16), 0.04),
    ):
        few, z = min(x + 0.5, n), -ndtri(alpha)
        low = np.log(few / n) - np.log((y - 0.5) / m)
        told = brentq(lambda t: signed_root(few, n, y - 0.5, m, np.exp(t)) - z, low, low + 40, xtol=1e-10)  # noqa: B023
        assert ratio_upper_bound((x, n), (y, m), alpha) == pytest.approx(np.exp(told), rel=1e-8)


def test_more_decisions_bring_the_bound_closer_and_less_alpha_moves_it_away() -> None:
    small, large = (ratio_upper_bound((3 * k, 10 * k), (5 * k, 10 * k), 1e-4) for k in (30, 3000))
    assert small is not None
    assert large is not None
    assert 0.6 < large < 0.65 < small
    assert ratio_upper_bound((90, 300), (150, 300), 1e-6) > small  # type: ignore[operator]


def test_no_favoured_person_in_the_other_group_means_no_answer() -> None:
    assert ratio_upper_bound((0, 100), (0, 100), 1e-3) is None
    assert ratio_upper_bound((0, 100), (50, 100), 1e-3) < 0.3  # type: ignore[operator]
    with pytest.raises(UsageError, match="has no bound"):
        ratio_upper_bound((0, 0), (1, 2), 0.01)


def test_not_knowing_who_is_best_costs_no_false_alarms() -> None:
    # Six groups whose true ratio to the best is 0.8 or 1: the observed best is often not the true one.
    rng, alpha, fails, runs = np.random.default_rng(3), 0.05, 0, 1200
    for _ in range(runs):
        counts = [(int(rng.binomial(300, rate)), 300) for rate in (0.4, 0.5, 0.5, 0.5, 0.5, 0.5)]
        bound = upper_bound_to_best(counts[0], counts[1:], alpha)
        fails += bound is not None and bound < 0.8
    assert fails / runs <= alpha


def test_a_group_far_below_the_best_is_seen_among_many() -> None:
    others = [(150, 300), (160, 300), (80, 300)]
    assert upper_bound_to_best((30, 300), others, 1e-4) < 0.5  # type: ignore[operator]
    assert upper_bound_to_best((30, 300), [(0, 300)], 1e-4) is None
