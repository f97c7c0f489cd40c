"""Feedback alarms: a model right everywhere is left alone, one that is right only where it chose is told."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.monitor.alarm.budget import AlarmBudget
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.feedback import feedback_figures, judge_feedback, usual_gap
from decisionloop.monitor.labels import LabelState
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.performance import auc
from tests.monitor.watched import watched

STRICT = watched(monitors={"maximum_feedback_gap": 1e-9})


def traffic(rng: np.random.Generator, n: int, explored: float = 0.05, wrong: float = 0.0):
    """Outcome, score and whether explored: selected where safe; ``wrong`` is added to the true risk of the explored."""
    p = rng.beta(1, 9, n)
    is_explored = np.where(p < 0.1, rng.random(n) < 0.01, True)
    kept = ~is_explored | (rng.random(n) < explored)
    q = np.clip(p + wrong * is_explored, 0, 1)
    return (rng.random(n) < q)[kept].astype(float), p[kept], is_explored[kept]


def judge(rows, alpha: float, use_case=None, usual: Estimate | None = None, **more):
    terms = Terms(use_case or watched(), AlarmBudget({"feedback": alpha}, 1.0), Stakes(swing=10.0), "r1")
    return judge_feedback(terms, *rows, usual, LabelState(**more))


@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_a_right_model_alarms_at_most_as_often_as_declared_without_any_tolerance(alpha: float) -> None:
    rng = np.random.default_rng(1)
    alarms = [judge(traffic(rng, 4_000), alpha, STRICT)[0].is_alarm for _ in range(2_000)]
    assert np.mean(alarms) <= alpha + 2 * np.sqrt(alpha / 2_000)


def test_a_usual_gap_that_is_itself_uncertain_keeps_the_error() -> None:
    rng, alpha, alarms = np.random.default_rng(2), 0.02, []
    for _ in range(400):
        first = [
            next(
                f.estimate
                for f in feedback_figures(*traffic(rng, 4_000, wrong=0.1), "r1")
                if f.monitor == "feedback_gap"
            )
            for _ in range(3)
        ]
        rows = traffic(rng, 4_000, wrong=0.1)
        alarms.append(judge(rows, alpha, STRICT, usual_gap(first))[0].is_alarm)
    assert np.mean(alarms) <= alpha + 2 * np.sqrt(alpha / 400)


def test_a_model_that_is_right_only_where_it_chose_is_told() -> None:
    rng = np.random.default_rng(3)
    findings = [judge(traffic(rng, 20_000, wrong=0.25), 1e-4)[0] for _ in range(60)]
    assert all(finding.is_alarm for finding in findings)
    assert np.mean([f.figure.low < 0.25 < f.figure.high for f in findings]) >= 0.88
    finding = findings[0]
    assert finding.stake == pytest.approx(10 * finding.figure.value)
    assert "percentage points" in finding.words
    (provisional,) = judge(traffic(rng, 20_000, wrong=0.25), 1e-4, is_complete=False)
    assert not provisional.is_alarm
    assert "provisional" in provisional.words


def test_a_gap_that_was_there_at_release_is_not_news() -> None:
    rng = np.random.default_rng(4)
    usual = Estimate(-0.25, -0.26, -0.24, 5_000, 5_000.0, 0.95)
    rows = traffic(rng, 40_000, wrong=0.25)
    assert judge(rows, 1e-4)[0].is_alarm
    (finding,) = judge(rows, 1e-4, usual=usual)
    assert not finding.is_alarm
    assert "At release the two differed by -25.0" in finding.words


def test_the_figures_tell_each_side_apart() -> None:
    rng = np.random.default_rng(5)
    y, p, explored = traffic(rng, 20_000, wrong=0.2)
    told = {figure.monitor: figure.estimate for figure in feedback_figures(y, p, explored, "r1")}
    assert told.keys() == {
        "calibration_selected",
        "auc_selected",
        "calibration_explored",
        "auc_explored",
        "feedback_gap",
    }
    assert told["calibration_explored"].value == pytest.approx((y - p)[explored].mean())
    assert told["calibration_selected"].n + told["calibration_explored"].n == told["feedback_gap"].n == y.size
    assert told["feedback_gap"].value == pytest.approx((y - p)[~explored].mean() - (y - p)[explored].mean())
    assert told["auc_explored"].value == auc(y[explored], p[explored]).value


def test_where_one_side_is_empty_there_is_nothing_to_compare() -> None:
    y, p = np.array([0.0, 1.0]), np.array([0.1, 0.9])
    assert judge((y, p, np.zeros(2, dtype=bool)), 0.1) == ()
    figures = {f.monitor: f.estimate for f in feedback_figures(y, p, np.zeros(2, dtype=bool), "r1")}
    assert not figures["feedback_gap"].is_known
    assert figures["calibration_selected"].is_known


def test_the_usual_gap_weighs_cohorts_by_precision() -> None:
    def gap(value: float, half: float) -> Estimate:
        return Estimate(value, value - half, value + half, 100, 100.0, 0.95)

    assert usual_gap([]) is None
    assert usual_gap([cannot_say("none", 0, 0.95)]) is None
    told = usual_gap([gap(0.0, 0.1), gap(0.3, 0.2), cannot_say("none", 0, 0.95)])
    assert told.value == pytest.approx(0.06)
    assert told.high - told.value == pytest.approx(np.sqrt(1 / (1 / 0.1**2 + 1 / 0.2**2)))
