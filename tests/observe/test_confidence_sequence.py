"""The confidence sequence: true at every look together, also for skewed money and entities that come back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from decisionloop.errors import UsageError
from decisionloop.observe.bounded_mean import bounded_mean
from decisionloop.observe.confidence_sequence import (
    BURN_IN,
    Cumulated,
    difference,
    lift_sequence,
    tightest_at,
)
from decisionloop.observe.entity_lift import EntityMoney, entity_lift
from decisionloop.observe.estimate import Estimate, cannot_say, weighted_mean
from decisionloop.observe.rare_event import RareEvent

RUNS, LOOKS = 1_000, 52
MOST_MISSES = int(binom.ppf(0.975, RUNS, 0.05))
"""More runs than these that ever miss the truth refute a confidence of 95 %."""


def estimates(mean: np.ndarray, error: np.ndarray, n: int) -> list[Estimate]:
    return [Estimate(m, m - 1.96 * e, m + 1.96 * e, n, float(n), 0.95) for m, e in zip(mean, error, strict=True)]


def misses(cohorts: list[Estimate], truth: float, are_independent: bool) -> bool:
    sequence = lift_sequence(cohorts, are_independent)
    return any(not e.low <= truth <= e.high for e in sequence.estimates)


def lending(rng: np.random.Generator, looks: int, n: int) -> np.ndarray:
    """Money (looks, n) of loans: they earn about 1, or lose about 20 with 3 %; mean 0.37."""
    return np.where(rng.random((looks, n)) < 0.03, -20.0, 1.0) * rng.lognormal(-0.125, 0.5, (looks, n))


@pytest.mark.parametrize("lift", [0.0, pytest.param(0.3, marks=pytest.mark.exhaustive)])
def test_it_covers_the_true_lift_at_every_look_where_chance_is_new_each_time(lift: float) -> None:
    rng, missed, naive = np.random.default_rng(1), 0, 0
    truth = 0.97 - 0.03 * 20 + lift
    for _ in range(RUNS):
        money = lending(rng, LOOKS, 250) + lift
        mean, error = money.mean(axis=1), money.std(axis=1, ddof=1) / np.sqrt(250)
        missed += misses(estimates(mean, error, 250), truth, are_independent=True)
        running = np.cumsum(mean) / np.arange(1, LOOKS + 1)
        half = 1.96 * np.sqrt(np.cumsum(error**2)) / np.arange(1, LOOKS + 1)
        naive += bool((np.abs(running - truth) > half).any())
    assert missed <= MOST_MISSES
    assert naive > 0.3 * RUNS  # which is why nobody may look daily at the usual interval


@pytest.mark.parametrize(("lift", "share_of_entity"), [(0.0, 0.0), (0.0, 0.9), (0.3, 0.5)])
def test_it_covers_the_true_lift_at_every_look_where_the_same_entities_return(
    lift: float, share_of_entity: float
) -> None:
    rng, missed, looks = np.random.default_rng(2), 0, 26
    for _ in range(RUNS // 2):
        sides = []
        for n in (240, 60):
            lasting = rng.lognormal(0, 1, n) - np.exp(0.5)
            passing = lending(rng, looks, n)
            sides.append(share_of_entity * 3 * lasting + (1 - share_of_entity) * passing)
        gap = sides[0].mean(axis=1) + lift - sides[1].mean(axis=1)
        error = np.sqrt(sum(side.var(axis=1, ddof=1) / side.shape[1] for side in sides))
        missed += misses(estimates(gap, error, 240), lift, are_independent=False)
    assert missed <= binom.ppf(0.975, RUNS // 2, 0.05)


def test_a_lift_is_found_and_the_interval_shrinks() -> None:
    rng = np.random.default_rng(3)
    money = lending(rng, LOOKS, 2_500)
    sequence = lift_sequence(estimates(money.mean(axis=1), money.std(axis=1) / 50, 2_500), are_independent=True)
    assert sequence.estimate.low > 0
    widths = [e.high - e.low for e in sequence.estimates]
    assert widths == sorted(widths, reverse=True)
    alone = 2 * 1.96 * money.std() / np.sqrt(money.size)
    assert 1.4 < widths[-1] / alone < 1.7  # the price of looking at all times
    assert sequence.at(0.99).low < sequence.estimate.low


def test_the_sequence_is_tightest_where_it_was_planned() -> None:
    at = Cumulated(*np.array([[1.0], [0.0], [100.0], [0.0], [0.0]]))

    def high(eta: float) -> float:
        return at.estimate(0, eta, 0.95).high or np.nan

    best = high(tightest_at(100.0, 0.05))
    assert best < min(high(eta) for eta in (1.0, 3.0, 40.0, 200.0))
    assert best == pytest.approx(min(high(eta) for eta in np.linspace(1, 100, 1_000)), rel=1e-2)


def test_variances_add_or_standard_errors_do() -> None:
    cohorts = [Estimate(mean, mean - 1.96 * error, mean + 1.96 * error, n, float(n), 0.95)
               for n, mean, error in ((10, 0.5, 0.3), (30, 1 / 30, 4 / 30))]  # fmt: skip
    alone, together = (Cumulated.of(cohorts, are_independent) for are_independent in (True, False))
    assert list(alone.n) == [10, 40]
    assert alone.money == pytest.approx([5.0, 6.0])
    assert alone.variance == pytest.approx([9.0, 25.0], rel=1e-4)
    assert together.variance == pytest.approx([9.0, 49.0], rel=1e-4)


def test_a_stored_interval_tells_its_standard_error_and_what_one_more_loss_would_cost() -> None:
    reach = RareEvent(size=3.0, seen=0.0).reach(error=0.5, confidence=0.95, groups=10**9)
    seen = Estimate(1.0, 1.0 - reach, 1.0 + 1.959964 * 0.5, 100, 80.0, 0.95)
    told = Cumulated.of([cannot_say("no outcome", 100, 0.95), seen, cannot_say("none", 9, 0.95)], are_independent=True)
    assert told.money == pytest.approx([100.0])  # a cohort that could not tell is no look
    assert np.sqrt(told.variance) == pytest.approx([50], rel=1e-4)
    assert told.loss == pytest.approx([300], rel=1e-4)
    assert told.gain == pytest.approx([0.0])


@pytest.mark.parametrize(
    ("loss", "chance"), [pytest.param(200.0, 0.002, marks=pytest.mark.exhaustive), (1000.0, 0.0005)]
)
def test_a_loss_that_has_not_happened_yet_is_in_the_sequence(loss: float, chance: float) -> None:
    """Cohorts of 250 mostly hold no loss at all; from seen losses alone 38 % of such sequences missed the truth."""
    rng, missed, runs, n = np.random.default_rng(5), 0, 120, 250
    truth = 1 - chance * (1 + loss)
    for _ in range(runs):
        money = np.where(rng.random((LOOKS, n)) < chance, -loss, 1.0)
        missed += misses([bounded_mean(cohort, -loss, 1.0) for cohort in money], truth, are_independent=True)
    assert missed <= binom.ppf(0.975, runs, 0.05)


@pytest.mark.parametrize("lasting", [0.0, pytest.param(0.3, marks=pytest.mark.exhaustive), 0.9])
def test_the_holdout_is_compared_by_entity_where_people_return(lasting: float) -> None:
    rng, missed, runs, narrower = np.random.default_rng(6), 0, 60, []
    for _ in range(runs):
        by_entity, by_cohort = returning(rng, lasting)
        sequence, added = entity_lift(by_entity), lift_sequence(by_cohort, are_independent=False)
        missed += any(not e.low <= 0.1 <= e.high for e in sequence.estimates)
        width, wide = (one.estimate.high - one.estimate.low for one in (sequence, added))
        narrower.append(wide / width)
    assert missed <= binom.ppf(0.975, runs, 0.05)
    assert np.median(narrower) > 2.5


def test_what_people_earned_before_narrows_the_comparison_by_entity() -> None:
    with_past, _ = returning(np.random.default_rng(7), 0.9)
    without = [EntityMoney(one.entity, one.money, one.is_held) for one in with_past]
    told, plain = entity_lift(with_past).estimate, entity_lift(without).estimate
    assert told.high - told.low < 0.8 * (plain.high - plain.low)
    assert entity_lift(without[:1]) is None


def returning(rng: np.random.Generator, lasting: float) -> tuple[list[EntityMoney], list[Estimate]]:
    """A year in which 1,800 people of the policy (lift 0.1) and 200 held out return every fourth week."""
    people = 2_000
    person = (rng.lognormal(0, 1, people) - np.exp(0.5)) / 2.16
    is_held = np.arange(people) >= 1_800

    def money(rows: np.ndarray) -> np.ndarray:
        return np.sqrt(lasting) * person[rows] + np.sqrt(1 - lasting) * (lending(rng, 1, rows.size)[0] - 0.37) / 3.9

    before, by_entity, by_cohort = money(np.arange(people)), [], []
    for week in range(LOOKS):
        rows = np.flatnonzero(np.arange(people) % 4 == week % 4)
        held, earned = is_held[rows], money(rows) + 0.1 * ~is_held[rows]
        by_entity.append(EntityMoney(rows, earned, held, before[rows]))
        by_cohort.append(difference(weighted_mean(earned[~held]), weighted_mean(earned[held])))
    return by_entity, by_cohort


def test_it_waits_for_enough_decisions_and_passes_over_what_could_not_be_told() -> None:
    cohorts = estimates(np.ones(4), np.ones(4), BURN_IN // 4)
    assert lift_sequence(cohorts[:3], are_independent=True) is None
    assert lift_sequence([], are_independent=True) is None
    sequence = lift_sequence([*cohorts, cannot_say("none came", 900, 0.95), *cohorts[:2]], are_independent=True)
    assert (sequence.looks, sequence.cohorts) == (3, 6)
    assert sequence.estimate.n == 6 * BURN_IN // 4
    earlier = lift_sequence(cohorts, are_independent=True)
    assert sequence.estimates[0] == earlier.estimate  # later data never change what was said
    with pytest.raises(UsageError, match="confidence"):
        lift_sequence(cohorts, are_independent=True, confidence=1.0)


def test_a_difference_adds_the_distances_that_matter() -> None:
    policy, holdout = Estimate(2.0, 1.0, 5.0, 900, 800.0, 0.95), Estimate(1.0, 0.0, 3.0, 100, 90.0, 0.95)
    gap = difference(policy, holdout)
    assert (gap.value, gap.n, gap.effective_n) == (1.0, 900, 90.0)
    assert gap.low == pytest.approx(1 - np.hypot(1, 2))
    assert gap.high == pytest.approx(1 + np.hypot(3, 1))
    assert difference(policy, cannot_say("nobody held out", 0, 0.95)).reason == "nobody held out"
    with pytest.raises(UsageError, match="subtracted"):
        difference(policy, Estimate(1.0, 0.0, 3.0, 100, 90.0, 0.9))
