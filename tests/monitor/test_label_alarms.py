"""Label alarms: late and lost labels are told, as rarely wrong as declared, and keep the model from being blamed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from decisionloop.contract import UseCase
from decisionloop.contract.data_source import RandomisedLogReplay
from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.labels import (
    PROMISE,
    CohortLabels,
    judge_labels,
    label_checks,
    labels_complete,
    missing_beyond_usual,
    promised_share,
)
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


def promising(share: float) -> UseCase:
    return USE_CASE.model_copy(update={"monitors": USE_CASE.monitors.model_copy(update={"minimum_arrived": share})})


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
    assert looks == 3_000  # at maturity against the usual and against the promise
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
    against = {one.against: one for one in found(cohort, 28.0, curve)}
    assert all(one.is_alarm for one in against.values())
    assert {name: one.monitor for name, one in against.items()} == {
        "earlier cohorts": "missing_labels",
        PROMISE: "promised_labels",
    }
    arrived = int((cohort <= 28).sum())
    assert not labels_complete(USE_CASE, DECIDED, arrived, 28, curve)
    assert missing_beyond_usual(USE_CASE, DECIDED, arrived, 28, curve) == pytest.approx(0.2, abs=0.03)


def test_a_few_missing_labels_never_alarm_however_many_decisions() -> None:
    curve = LabelCurve((CohortArrivals(1_000_000, (950_000,)),) * 5)
    finding, _ = judge_labels(USE_CASE, 1_000_000, 910_000, 28, curve, BUDGET)
    assert finding.bound > 0.03
    assert not finding.is_alarm


def test_performance_waits_for_labels_before_the_alarm_is_sure() -> None:
    curve = LabelCurve((CohortArrivals(60, (57,)),) * 5)
    usual, promised = judge_labels(USE_CASE, 60, 52, 28, curve, BUDGET)
    assert not usual.is_alarm
    assert not promised.is_alarm
    assert not labels_complete(USE_CASE, 60, 52, 28, curve)


def test_without_a_history_nothing_is_usual_and_the_contract_s_promise_holds() -> None:
    few = LabelCurve((CohortArrivals(100, (95,)),) * 2)
    (finding,) = judge_labels(USE_CASE, 100, 10, 28, few, BUDGET)
    assert (finding.against, finding.is_alarm) == (PROMISE, True)
    assert not labels_complete(USE_CASE, 100, 79, 28, few)
    assert labels_complete(USE_CASE, 100, 80, 28, few)
    assert missing_beyond_usual(USE_CASE, 100, 10, 28, few) == 0


def test_a_feed_that_loses_a_third_from_its_first_day_is_told_although_that_is_usual() -> None:
    rng = np.random.default_rng(4)
    usual = LabelCurve(tuple(CohortArrivals.of(ages(rng, final=0.7), DECIDED) for _ in range(10)))
    cohort = ages(rng, final=0.7)
    of_usual, of_promise = found(cohort, 28.0, usual)
    assert (of_usual.is_alarm, of_promise.is_alarm) == (False, True)
    assert "the contract promises at least 80.0%" in of_promise.words
    assert "`monitors.minimum_arrived`" in of_promise.suggestion
    assert of_promise.figure.value == pytest.approx(0.1, abs=0.03)
    assert not labels_complete(USE_CASE, DECIDED, int((cohort <= 28).sum()), 28, usual)
    assert found(cohort, 21.0, usual)[0].against == "earlier cohorts"  # nothing is promised before maturity


def test_a_promise_that_says_so_is_kept() -> None:
    modest = promising(0.65)
    curve = LabelCurve((CohortArrivals(100, (70,)),) * 5)
    assert not any(one.is_alarm for one in judge_labels(modest, 1_000, 700, 28, curve, budget_of(modest)))
    assert labels_complete(modest, 1_000, 700, 28, curve)


@pytest.mark.parametrize("decided", [5, 40, 1_000, 100_000])
@pytest.mark.parametrize("promised", [0.5, 0.8, 0.99])
def test_a_promise_that_is_just_kept_alarms_as_rarely_as_declared(decided: int, promised: float) -> None:
    """Exactly: the chance, over every number that may come, that the finding is an alarm."""
    use_case = promising(promised)
    arrived = np.arange(decided + 1)
    chance = binom.pmf(arrived, decided, promised)
    alarms = [
        bool(chance[k] > 1e-15)
        and judge_labels(use_case, decided, int(k), 28, LabelCurve(), budget_of(use_case))[0].is_alarm
        for k in (arrived if decided <= 1_000 else arrived[np.flatnonzero(chance > 1e-9)])
    ]
    shown = chance if decided <= 1_000 else chance[chance > 1e-9]
    declared = BUDGET.alpha("labels", label_checks(use_case))
    assert 0 <= float(shown[np.array(alarms)].sum()) <= declared


def test_where_no_news_is_a_no_nothing_is_promised_and_an_excess_over_the_usual_is_still_told() -> None:
    outcome = USE_CASE.outcome.model_copy(update={"absent_means": "0"})
    absent = USE_CASE.model_copy(update={"outcome": outcome})
    assert promised_share(absent) is None
    assert label_checks(absent) == label_checks(USE_CASE) - 1
    few, usual = LabelCurve(), LabelCurve((CohortArrivals(1_000, (300,)),) * 5)
    assert judge_labels(absent, 1_000, 200, 28, few, BUDGET) == ()
    (finding,) = judge_labels(absent, 1_000, 150, 28, usual, BUDGET)
    assert (finding.against, finding.is_alarm) == ("earlier cohorts", True)
    assert labels_complete(absent, 1_000, 300, 28, usual)
    assert labels_complete(absent, 1_000, 3, 28, few)  # all others are a no
    assert not labels_complete(absent, 1_000, 150, 28, usual)


def test_a_cohort_that_is_held_back_may_not_judge_however_complete_it_is() -> None:
    labels = CohortLabels(100, 100, 28, LabelCurve())
    assert labels.state(USE_CASE).is_complete
    assert not replace(labels, is_held_back=True).state(USE_CASE).is_complete


def test_nothing_is_judged_too_early_or_without_decisions() -> None:
    curve = LabelCurve((CohortArrivals(100, (*[0] * 20, 95)),) * 5)
    assert judge_labels(USE_CASE, 100, 0, 19, curve, BUDGET) == ()
    assert judge_labels(USE_CASE, 0, 0, 28, curve, BUDGET) == ()
    assert not labels_complete(USE_CASE, 100, 95, 27, curve)
    assert not labels_complete(USE_CASE, 0, 0, 28, curve)


def test_the_budget_is_shared_by_all_that_is_looked_at_in_a_week() -> None:
    assert label_checks(USE_CASE) == 4 + 2 + 1  # not yet mature; just mature, usual and promised; the outcome's rate
    curve = LabelCurve((CohortArrivals(100, (95,)),) * 5)
    for finding in judge_labels(USE_CASE, 100, 95, 28, curve, BUDGET):
        assert finding.alpha == pytest.approx(BUDGET.false_alarms["labels"] / (365 / 7) / 7)


def test_what_a_replayed_experiment_does_not_show_is_a_draw_and_no_loss() -> None:
    drawn = RandomisedLogReplay.example()
    replayed = USE_CASE.model_copy(update={"source": RandomisedLogReplay.model_validate(drawn)})
    assert promised_share(replayed) is None
    assert labels_complete(replayed, 1000, 250, 100.0, LabelCurve())
    often = LabelCurve((CohortArrivals(1_000, (900,)),) * 5)  # while the likely action was preferred
    for curve in (LabelCurve(), often):
        assert labels_complete(replayed, 1000, 250, 100.0, curve)
        assert judge_labels(replayed, 1000, 250, 100.0, curve, budget_of(replayed)) == ()
        state = CohortLabels(1_000, 250, 100.0, curve).state(replayed)
        assert (state.is_complete, state.missing_share, state.shortfall) == (True, 0.0, 0.0)
    assert not labels_complete(USE_CASE, 1000, 250, 100.0, often)
