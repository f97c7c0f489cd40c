"""Label alarms: late and lost labels are told, as rarely wrong as declared, and keep the model from being blamed."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.labels import judge_labels, label_checks, labels_complete, missing_beyond_usual
from decisionloop.observe.label_curve import CohortArrivals, LabelCurve
from tests.monitor.watched import watched

USE_CASE = watched()  # weekly batches that mature after 28 days; 5 % more missing than usual is too much
BUDGET = budget_of(USE_CASE)
DECIDED = 2_000


def ages(rng: np.random.Generator, decided: int = DECIDED, delay: float = 1.0, final: float = 0.95) -> np.ndarray:
    """Ages of labels that come after about 9 days, of ``final`` of the decisions by maturity."""
    arrived = delay * rng.gamma(9.0, 1.0, decided)
    return np.where((rng.random(decided) < final) & (arrived <= 28), arrived, np.nan)


def history(rng: np.random.Generator, cohorts: int = 10) -> LabelCurve:
    return LabelCurve(tuple(CohortArrivals.of(ages(rng), DECIDED) for _ in range(cohorts)))


def found(arrivals: np.ndarray, age: float, curve: LabelCurve, decided: int = DECIDED):
    return judge_labels(USE_CASE, decided, int((arrivals <= age).sum()), age, curve, BUDGET)


def test_usual_labels_do_not_alarm_at_any_age() -> None:
    rng, alarms, looks = np.random.default_rng(1), 0, 0
    for _ in range(60):
        curve = history(rng)
        for _ in range(10):
            cohort = ages(rng)
            for age in (7.0, 14.0, 21.0, 28.0):
                findings = found(cohort, age, curve)
                looks += len(findings)
                alarms += sum(finding.is_alarm for finding in findings)
            assert labels_complete(USE_CASE, DECIDED, int((cohort <= 28).sum()), 28, curve)
    assert looks == 2_400
    assert alarms == 0


def test_late_labels_alarm_before_maturity_and_the_model_is_not_judged() -> None:
    rng = np.random.default_rng(2)
    curve, cohort = history(rng), ages(rng, delay=3.0)
    (early,) = found(cohort, 14.0, curve)
    assert (early.monitor, early.is_alarm, early.family) == ("late_labels", True, "labels")
    assert "14 days after the decisions" in early.words
    assert early.figure.low < early.figure.value < early.figure.high
    assert not labels_complete(USE_CASE, DECIDED, int((cohort <= 28).sum()), 28, curve)


def test_label_holes_alarm_at_maturity_and_the_model_is_not_judged() -> None:
    rng = np.random.default_rng(3)
    curve, cohort = history(rng), ages(rng, final=0.75)
    (finding,) = found(cohort, 28.0, curve)
    assert (finding.monitor, finding.is_alarm) == ("missing_labels", True)
    arrived = int((cohort <= 28).sum())
    assert not labels_complete(USE_CASE, DECIDED, arrived, 28, curve)
    assert missing_beyond_usual(DECIDED, arrived, 28, curve) == pytest.approx(0.2, abs=0.03)


def test_a_few_missing_labels_never_alarm_however_many_decisions() -> None:
    curve = LabelCurve((CohortArrivals(1_000_000, (950_000,)),) * 5)
    (finding,) = judge_labels(USE_CASE, 1_000_000, 910_000, 28, curve, BUDGET)
    assert finding.bound > 0.03
    assert not finding.is_alarm


def test_performance_waits_for_labels_before_the_alarm_is_sure() -> None:
    curve = LabelCurve((CohortArrivals(60, (57,)),) * 5)
    (finding,) = judge_labels(USE_CASE, 60, 52, 28, curve, BUDGET)
    assert not finding.is_alarm
    assert not labels_complete(USE_CASE, 60, 52, 28, curve)


def test_without_a_history_nothing_is_usual() -> None:
    few = LabelCurve((CohortArrivals(100, (95,)),) * 2)
    assert judge_labels(USE_CASE, 100, 10, 28, few, BUDGET) == ()
    assert not labels_complete(USE_CASE, 100, 49, 28, few)
    assert labels_complete(USE_CASE, 100, 50, 28, few)
    assert missing_beyond_usual(100, 10, 28, few) == 0


def test_nothing_is_judged_too_early_or_without_decisions() -> None:
    curve = LabelCurve((CohortArrivals(100, (*[0] * 20, 95)),) * 5)
    assert judge_labels(USE_CASE, 100, 0, 19, curve, BUDGET) == ()
    assert judge_labels(USE_CASE, 0, 0, 28, curve, BUDGET) == ()
    assert not labels_complete(USE_CASE, 100, 95, 27, curve)
    assert not labels_complete(USE_CASE, 0, 0, 28, curve)


def test_the_budget_is_shared_by_all_that_is_looked_at_in_a_week() -> None:
    assert label_checks(USE_CASE) == 4 + 1 + 1  # not yet mature, just mature, and the rate of its outcome
    curve = LabelCurve((CohortArrivals(100, (95,)),) * 5)
    (finding,) = judge_labels(USE_CASE, 100, 95, 28, curve, BUDGET)
    assert finding.alpha == pytest.approx(BUDGET.false_alarms["labels"] / (365 / 7) / 6)
