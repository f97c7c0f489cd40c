"""Which gain so many outcomes show: against trials that are played with sums of a known law."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decisionloop.learn.visible_gain import SeenSums, share_of_few
from decisionloop.observe.estimate import normal_quantile
from decisionloop.observe.rare_event import RareEvent

CONFIDENCE, TRIALS = 0.9, 400


def gifts(rng: np.random.Generator, many: int, tail: float) -> np.ndarray:
    """One letter in twenty brings a gift, which is the heavier the larger ``tail`` is; a letter costs 0.80."""
    return np.where(rng.random(many) < 0.05, rng.lognormal(3.0, tail, many), 0.0) - 0.8


def shown(rng: np.random.Generator, tail: float, many: int, gain: float) -> float:
    """The share of trials whose one-sided bound is above nothing, half of them with ``gain`` more."""
    found = 0
    for _ in range(TRIALS):
        ours, theirs = gifts(rng, many // 2, tail) + gain, gifts(rng, many // 2, tail)
        error = math.sqrt(ours.var() / len(ours) + theirs.var() / len(theirs))
        sums = SeenSums.of(np.concatenate([ours - gain, theirs]))
        rare = RareEvent(2 * sums.event / many, sums.often * many / 2)
        found += ours.mean() - theirs.mean() > rare.reach(error, CONFIDENCE, many // 2)
    return found / TRIALS


@pytest.mark.parametrize("tail", [0.4, 1.2])
def test_the_gain_that_is_told_is_shown_eight_times_in_ten(tail: float) -> None:
    rng, many = np.random.default_rng(11), 6_000
    gain = SeenSums.of(gifts(rng, 200_000, tail)).gain_shown(many, CONFIDENCE)
    assert 0.7 <= shown(rng, tail, many, gain) <= 0.92
    assert shown(rng, tail, many, gain / 3) < 0.5


def test_as_many_outcomes_as_are_told_show_that_gain() -> None:
    sums = SeenSums.of(gifts(np.random.default_rng(3), 50_000, 1.2))
    needed = sums.outcomes_for(0.2, CONFIDENCE)
    assert sums.gain_shown(needed, CONFIDENCE) == pytest.approx(0.2, rel=0.01)
    assert math.isinf(sums.outcomes_for(1e-9, CONFIDENCE))


def test_of_light_sums_it_is_what_two_means_differ_by() -> None:
    sums = SeenSums.of((np.random.default_rng(3).random(5_000) < 0.3).astype(float))
    plain = 2 * sums.spread / math.sqrt(8_000) * (normal_quantile(CONFIDENCE) + normal_quantile(0.6))
    assert sums.gain_shown(8_000, CONFIDENCE) == pytest.approx(plain, rel=0.02)


def test_a_sum_to_be_reckoned_with_makes_it_larger() -> None:
    money = gifts(np.random.default_rng(3), 5_000, 0.4)
    assert SeenSums.of(money, 50_000.0).gain_shown(8_000, CONFIDENCE) > 3 * SeenSums.of(money).gain_shown(
        8_000, CONFIDENCE
    )


def test_the_share_of_few_tells_heavy_sums_from_light_ones() -> None:
    assert share_of_few(np.ones(1_000)) == pytest.approx(0.01)
    assert share_of_few(np.r_[np.zeros(999), 5.0]) == 1.0
    assert share_of_few(np.zeros(10)) == 0.0
