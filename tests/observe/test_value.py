"""Realised money: exact where all is known, scaled up fairly where outcomes never came, compared with the rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from decisionloop.observe.estimate import Estimate
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import one_hot, policy_value
from decisionloop.observe.overlap import judge_overlap
from decisionloop.observe.possible_money import PossibleMoney
from decisionloop.observe.value import gain_over, realised_value, value_against_rules


def log(rng: np.random.Generator, n: int = 3000) -> tuple[LoggedDecisions, NDArray]:
    """A champion that lends to half, rules that lend to another half, 10 % exploration; 90 % of loans earn 10,
    the others lose 40. Lending is worth 5 a loan, so any policy is worth 5 times its share of loans."""
    champion = (rng.random(n) < 0.5).astype(int)
    rules = np.where(rng.random(n) < 0.7, champion, 1 - champion)
    explored = rng.random(n) < 0.1
    action = np.where(explored, 1 - champion, champion)
    reward = np.where(action == 1, np.where(rng.random(n) < 0.1, -40.0, 10.0), 0.0)
    logged = LoggedDecisions(
        action=action,
        propensity=np.where(explored, 0.1, 0.9),
        reward=reward,
        expected_values=np.column_stack([np.zeros(n), np.full(n, 4.0)]),
        is_exact=np.array([True, False]),
        entity=np.arange(n) // 2,
    )
    return logged, one_hot(rules, 2)


def covers(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def test_with_every_outcome_the_value_is_the_sum() -> None:
    logged, _ = log(np.random.default_rng(1))
    value = realised_value(logged)
    assert value.total.value == pytest.approx(logged.reward.sum())
    assert value.arrived_money == pytest.approx(logged.reward.sum())
    assert value.per_decision.value == pytest.approx(logged.reward.mean())
    assert value.total.low == pytest.approx(3000 * value.per_decision.low)
    assert (value.decisions, value.missing_outcomes) == (3000, 0)


def test_missing_outcomes_are_scaled_up_and_counted() -> None:
    rng, values, hits = np.random.default_rng(2), [], []
    for _ in range(300):
        logged, _ = log(rng)
        holes = (logged.action == 1) & (rng.random(len(logged)) < 0.4)
        value = realised_value(replace(logged, reward=np.where(holes, np.nan, logged.reward)))
        assert value.missing_outcomes == holes.sum()
        values.append(value.per_decision.value)
        hits.append(covers(value.per_decision, 2.5))
    assert np.mean(values) == pytest.approx(2.5, abs=3 * np.std(values) / np.sqrt(300))
    assert np.mean(hits) >= 0.93


def test_gain_over_the_rules_is_unbiased_and_covered() -> None:
    rng, gains, rules_values = np.random.default_rng(3), [], []
    for _ in range(300):
        logged, rules = log(rng)
        told = value_against_rules(logged, rules)
        gains.append(told.gain)
        rules_values.append(told.rules.money)
        assert told.gain.value == pytest.approx(told.realised.per_decision.value - told.rules.money.value, abs=0.2)
    assert np.mean([covers(gain, 0.0) for gain in gains]) >= 0.93
    assert np.mean([covers(value, 2.5) for value in rules_values]) >= 0.93
    error = np.std([gain.value for gain in gains]) / np.sqrt(300)
    assert abs(np.mean([gain.value for gain in gains])) < 3 * error


def test_gain_is_told_only_with_overlap() -> None:
    logged, rules = log(np.random.default_rng(4), 20_000)
    assert judge_overlap(value_against_rules(logged, rules).overlap).is_sufficient
    certain = replace(logged, propensity=np.ones(len(logged)))
    assert "never tried" in judge_overlap(value_against_rules(certain, rules).overlap).reason


def test_rules_that_act_alike_with_certainty_gain_exactly_nothing() -> None:
    logged, _ = log(np.random.default_rng(5))
    certain = replace(logged, propensity=np.ones(len(logged)))
    told = value_against_rules(certain, one_hot(logged.action, 2))
    assert (told.gain.value, told.gain.low, told.gain.high) == (0.0, 0.0, 0.0)
    assert told.rules.money.value == pytest.approx(told.realised.per_decision.value)


def test_the_gain_alone_is_the_gain_beside_the_rules() -> None:
    logged, rules = log(np.random.default_rng(7))
    told = value_against_rules(logged, rules)
    assert gain_over(logged, told.realised, rules) == told.gain
    nothing = logged.subset(np.zeros(len(logged), dtype=bool))
    assert gain_over(nothing, realised_value(nothing), rules[:0]).reason == "there are no decisions"


def test_no_decisions_no_value() -> None:
    logged, rules = log(np.random.default_rng(7))
    nothing = logged.subset(np.zeros(len(logged), dtype=bool))
    assert realised_value(nothing).per_decision.reason == "there are no decisions"
    assert not value_against_rules(nothing, rules[:0]).gain.is_known


def test_outcomes_that_all_went_missing_are_not_worth_nothing() -> None:
    logged, _ = log(np.random.default_rng(8))
    gone = replace(logged, reward=np.full(len(logged), np.nan))
    told = value_against_rules(gone, one_hot(logged.action, 2))
    assert not told.realised.per_decision.is_known
    assert not told.realised.total.is_known
    assert "no outcome" in told.realised.per_decision.reason
    assert not told.gain.is_known


@pytest.mark.parametrize("n", [6, 12, 60])
def test_no_interval_reaches_beyond_what_can_happen_at_all(n: int) -> None:
    """A parcel that is sent costs 0 or 50, insured it costs 9: nobody earns anything, however few parcels there are."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        action, lost = rng.integers(0, 2, n), rng.random(n) < 0.3
        possible = PossibleMoney(np.tile([-50.0, -9.0], (n, 1)), np.tile([0.0, -9.0], (n, 1)), is_bound=True)
        logged = LoggedDecisions(
            action=action,
            propensity=np.full(n, 0.5),
            reward=np.where(action == 1, -9.0, -50.0 * lost),
            expected_values=np.column_stack([np.full(n, -15.0), np.full(n, -9.0)]),
            is_exact=np.array([False, True]),
            entity=np.arange(n),
            possible=possible,
        )
        nobody = one_hot(np.zeros(n, dtype=int), 2)
        realised, by_rules = realised_value(logged).per_decision, policy_value(logged, nobody).money
        for told, worst, best in (
            (realised, possible.worst[range(n), action].mean(), possible.best[range(n), action].mean()),
            (by_rules, -50.0, 0.0),
        ):
            if told.value is not None:
                assert told.low >= min(worst, told.value)
                assert told.high <= max(best, told.value)
                assert told.low <= told.value <= told.high


def test_decisions_that_are_all_those_of_the_rules_earned_what_the_rules_earn() -> None:
    """A dozen decisions of which none was explored were told as a sure loss, by what could have been drawn."""
    n = 12
    logged = LoggedDecisions(
        action=np.zeros(n, dtype=np.int64),
        propensity=np.full(n, 0.98),
        reward=np.array([12.0, 0.0] * 6),
        expected_values=np.zeros((n, 2)),
        is_exact=np.array([False, False]),
        entity=np.arange(n),
    )
    told = value_against_rules(logged, one_hot(logged.action, 2))
    assert (told.gain.value, told.gain.low, told.gain.high) == (0.0, 0.0, 0.0)
    assert told.rules.money == told.realised.per_decision
