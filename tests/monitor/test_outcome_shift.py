"""The outcome's own rate: it alarms when the world changes, not when chance does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from decisionloop.contract.loading import load_use_case
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.outcome_shift import judge_outcome_shift

USE_CASE = load_use_case(Path("usecases/credit_line")).use_case
USUAL = (0.12, 0.118, 0.122, 0.119, 0.121)


def judged(rate: float, rows: int = 5_000, seed: int = 0, earlier=USUAL):
    outcome = (np.random.default_rng(seed).random(rows) < rate).astype(float)
    return judge_outcome_shift(Terms.of(USE_CASE, Stakes(swing=100.0)), outcome, earlier, 3)


def test_a_changed_rate_is_an_alarm_with_its_size_in_words_and_money():
    (found,) = judged(0.22)
    assert found.is_alarm
    assert found.words.startswith("Where the release chose by itself and the outcome is known, ")
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


def test_without_a_past_nothing_is_unusual():
    assert judged(0.5, earlier=USUAL[:2]) == ()


def test_restless_cohorts_widen_the_limit_but_not_without_end():
    (calm,), (restless,) = judged(0.12), judged(0.12, earlier=(0.02, 0.3, 0.05, 0.25))
    assert calm.threshold == USE_CASE.monitors.maximum_outcome_shift
    assert restless.threshold == 2 * USE_CASE.monitors.maximum_outcome_shift
