"""Natural variation: nothing from chance alone, the size of real swings, and no lesson from slow drift."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.errors import UsageError
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.compare.variation import natural_variation, tolerated_shift, variation_of
from tests.monitor.customers import customers, offers


def batches(shares: np.ndarray, rows: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.multinomial(rows, one) for one in shares]


def test_chance_alone_leaves_the_contracts_tolerance_at_any_batch_size() -> None:
    for rows in (500, 5_000_000):
        shares = np.full((12, 20), 1 / 20)
        found = [variation_of("x", batches(shares, rows, seed)).threshold for seed in range(50)]
        assert np.mean(np.array(found) < 0.1) >= 0.95


def test_batches_that_swing_are_given_room_for_the_next_swing() -> None:
    rng, exceeded = np.random.default_rng(1), []
    for seed in range(100):
        level = 0.5 + 0.04 * rng.normal(size=14)
        *history, before, now = batches(np.stack([level, 1 - level], axis=1), 50_000, seed)
        found = variation_of("x", [*history, before], minimum_shift=0.5)
        exceeded.append(abs(now[0] - before[0]) / 50_000 > found.threshold)
        assert found.batches == 13
        assert found.mean < found.threshold
    assert np.mean(exceeded) <= 0.03  # declared: 0.001 of normal distances; these are folded


def test_a_tolerance_never_exceeds_twice_the_minimum() -> None:
    level = np.linspace(0.1, 0.9, 6)
    drift = variation_of("x", batches(np.stack([level, 1 - level], axis=1), 10_000, 2), minimum_shift=0.07)
    assert drift.threshold == pytest.approx(0.14)
    assert drift.mean == pytest.approx(0.16, abs=0.02)
    assert tolerated_shift(0.07, 0.9) == pytest.approx(0.14)
    assert tolerated_shift(0.07, 0.01) == 0.07
    assert tolerated_shift(0.07, None) == 0.07


def test_four_batches_are_needed_and_empty_ones_do_not_count() -> None:
    reference = Reference.of(offers(), customers(1_000, seed=1))
    profiles = [FrameProfile.of(customers(rows, seed=rows), reference.bins) for rows in (300, 0, 301, 302, 303)]
    assert natural_variation([]) == {}
    assert natural_variation(profiles[:4]) == {}
    found = natural_variation(profiles, minimum_shift=0.1)
    assert set(found) == {"spend", "logins", "is_new", "plan", "sex"}
    assert {one.batches for one in found.values()} == {4}
    assert all(0 <= one.threshold <= 0.2 for one in found.values())
    other = Reference.of(offers(), customers(900, seed=2))
    with pytest.raises(UsageError, match="Profile the batch again"):
        natural_variation([*profiles, other.profile])
