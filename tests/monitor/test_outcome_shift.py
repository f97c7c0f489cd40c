"""The outcome's own rate: it alarms when the world changes, not when chance does."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from decisionloop.contract.loading import load_use_case
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.outcome_shift import UsualRate, judge_outcome_shift
from decisionloop.observe.bounded_mean import rate_estimate

USE_CASE = load_use_case(Path("usecases/credit_line")).use_case
USUAL = (0.12, 0.118, 0.122, 0.119, 0.121)


def usual(*rates: float, rows: int = 5_000) -> UsualRate:
    return UsualRate(tuple(rate * rows for rate in rates), (rows,) * len(rates))


def judged(rate: float, rows: int = 5_000, seed: int = 0, earlier=USUAL):
    outcome = (np.random.default_rng(seed).random(rows) < rate).astype(float)
    return judge_outcome_shift(Terms.of(USE_CASE, Stakes(swing=100.0)), outcome, usual(*earlier), 3)


def is_alarm(events: int, rows: int, earlier: UsualRate) -> bool:
    outcome = np.repeat([1.0, 0.0], [events, rows - events])
    (found,) = judge_outcome_shift(Terms.of(USE_CASE), outcome, earlier, 3)
    return found.is_alarm


def chance_of_an_alarm(rate: float, rows: int, earlier: UsualRate) -> float:
    """Exact: the binomial chance of the counts of events that are an alarm, which lie at both ends."""
    middle = round(earlier.rate * rows)
    first_above = middle + bisect_left(range(middle, rows + 1), True, key=lambda k: is_alarm(k, rows, earlier))
    first_calm = bisect_left(range(middle + 1), True, key=lambda k: not is_alarm(k, rows, earlier))
    return float(binom.sf(first_above - 1, rows, rate) + binom.cdf(first_calm - 1, rows, rate))


def test_a_changed_rate_is_an_alarm_with_its_size_in_words_and_money():
    (found,) = judged(0.22)
    assert found.is_alarm
    assert found.words.startswith("Where nothing was explored and the outcome is known, ")
    assert "12.0% is usual" in found.words
    assert found.stake == pytest.approx(100 * found.figure.value)


def test_a_falling_rate_is_one_too():
    (found,) = judged(0.02)
    assert found.is_alarm


def test_a_change_within_the_tolerance_never_alarms_however_many_rows():
    (found,) = judged(0.16, rows=2_000_000)
    assert found.bound is not None
    assert not found.is_alarm


def test_few_rows_of_the_usual_rate_do_not_alarm():
    assert not any(judged(0.12, rows=200, seed=seed)[0].is_alarm for seed in range(400))


ALPHA = Terms.of(USE_CASE).budget.alpha("labels", 3)


@pytest.mark.parametrize("rate", [0.003, 0.06, 0.15, 0.5, 0.97])
@pytest.mark.parametrize("rows", [30, 100, 400])
def test_where_nothing_changed_false_alarms_keep_the_budget_at_any_rate_and_size(rate: float, rows: int) -> None:
    rng = np.random.default_rng(5)
    chances = [
        chance_of_an_alarm(rate, rows, UsualRate(tuple(rng.binomial(rows, rate, 3).tolist()), (rows,) * 3))
        for _ in range(8)
    ]
    assert np.mean(chances) <= ALPHA


@pytest.mark.parametrize("change", [-USE_CASE.monitors.maximum_outcome_shift, USE_CASE.monitors.maximum_outcome_shift])
@pytest.mark.parametrize("rate", [0.06, 0.3])
def test_a_change_of_just_what_is_tolerated_keeps_the_budget_too(rate: float, change: float) -> None:
    assert chance_of_an_alarm(rate + change, 400, usual(rate, rate, rate, rows=1_000_000)) <= ALPHA


def test_cohorts_without_an_event_are_a_past_like_any_other():
    assert not is_alarm(0, 5, usual(0.0, 0.0, 0.0, rows=60))
    assert not is_alarm(1, 1, usual(0.0, 0.0, 0.0, rows=60))
    assert is_alarm(60, 200, usual(0.0, 0.0, 0.0, rows=300))
    assert rate_estimate([0.0] * 214).high == pytest.approx(1 - 0.025 ** (1 / 214))


def test_cohorts_that_differ_by_more_than_chance_count_for_less():
    calm, restless = usual(0.1, 0.1, 0.1), usual(0.05, 0.1, 0.15)
    assert restless.bounds(0.01).high > calm.bounds(0.01).high + 0.02


def test_without_a_past_nothing_is_unusual():
    assert judged(0.5, earlier=USUAL[:2]) == ()


def test_restless_cohorts_widen_the_limit_but_not_without_end():
    (calm,), (restless,) = judged(0.12), judged(0.12, earlier=(0.02, 0.3, 0.05, 0.25))
    assert calm.threshold == USE_CASE.monitors.maximum_outcome_shift
    assert restless.threshold == 2 * USE_CASE.monitors.maximum_outcome_shift
