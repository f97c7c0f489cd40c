"""Outcomes that have not come: late ones are learnt from earlier cohorts, the rest is bounded, nobody is accused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.missing_world.measured import FIGURES, told_of
from benchmarks.missing_world.world import SCENARIOS, Cohort, Truth, preferred_action, rules_action, use_case
from decisionloop.observe.cohort import logged_decisions, money_figures
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.late_arrivals import LateArrivals, MissingAtAge
from decisionloop.observe.missing_outcomes import missing_outcomes
from decisionloop.observe.off_policy import one_hot, policy_value
from decisionloop.observe.outcome_bounds import OutcomeBounds
from decisionloop.observe.outcome_rate import late_against_early, outcome_rate
from decisionloop.observe.overlap import judge_overlap

NEVER = np.nan


def earlier(days: list[float], outcome: list[float], watched: float, decided: float = 100) -> MissingAtAge:
    """A cohort of one action that missed some outcomes, and when and as what they came since."""
    n = len(days)
    return MissingAtAge(
        decided=np.array([decided]),
        action=np.zeros(n, dtype=np.int64),
        score=np.full(n, np.nan),
        due=np.ones(n),
        days=np.array(days, dtype=float),
        outcome=np.array(outcome, dtype=float),
        amount=np.full(n, np.nan),
        watched=watched,
    )


def share(late: LateArrivals) -> np.ndarray:
    return late.share[late.cell(np.array([0]), np.array([np.nan]), np.array([1.0]))[0]]


def test_what_comes_late_is_learnt_from_cohorts_of_every_age() -> None:
    """Of 20 missing ones 10 come in the first week as a no, 5 in the second as a yes; the young saw the former."""
    old = earlier([3.0] * 10 + [10.0] * 5 + [NEVER] * 5, [0.0] * 10 + [1.0] * 5 + [NEVER] * 5, watched=21)
    young = earlier([3.0] * 10 + [NEVER] * 10, [0.0] * 10 + [NEVER] * 10, watched=7)
    late = LateArrivals.learn([old, young, old, young], 1, tolerance=0.05)
    assert late.cohorts == 4
    np.testing.assert_allclose(share(late), [0.5, 0.25, 0, 0])
    assert late.half_width(np.ones_like(late.share), 0.95) == pytest.approx(0.0, abs=1e-9)  # cohorts are alike


def test_cohorts_that_differ_widen_what_is_expected() -> None:
    cohorts = [earlier([3.0] * 20, [1.0] * k + [0.0] * (20 - k), watched=7) for k in (2, 8, 5, 11, 4)]
    late = LateArrivals.learn(cohorts, 1, tolerance=0.05)
    yes = np.zeros_like(late.share)
    yes[late.cell(np.array([0]), np.array([np.nan]), np.array([1.0]))[0], 1] = 1.0
    rates = np.array([2, 8, 5, 11, 4]) / 20
    assert share(late)[1] == pytest.approx(rates.mean())
    assert late.half_width(yes, 0.95) == pytest.approx(2.776 * rates.std(ddof=1) * np.sqrt(1.2), rel=1e-3)


def test_fewer_than_three_cohorts_and_cohorts_with_a_hole_say_nothing() -> None:
    usual = earlier([3.0] * 20, [0.0] * 20, watched=7)
    hole = earlier([3.0] * 60, [1.0] * 60, watched=7)
    assert LateArrivals.learn([usual, usual], 1, tolerance=0.05).cohorts == 0
    assert LateArrivals.learn([earlier([], [], watched=0.0)] * 9, 1, tolerance=0.05).cohorts == 0
    late = LateArrivals.learn([usual, hole, usual, usual], 1, tolerance=0.05)
    assert late.cohorts == 3
    assert share(late)[1] == 0


def test_what_is_missing_beyond_the_usual_is_not_taken_for_late() -> None:
    late = LateArrivals.learn([earlier([3.0] * k, [0.0] * k, watched=7) for k in (18, 20, 22, 20)], 1, tolerance=0.05)
    assert late.usual_part(np.array([100.0]), np.array([21.0])) == 1
    assert late.usual_part(np.array([100.0]), np.array([60.0])) == pytest.approx(20 / 60)


def test_without_earlier_cohorts_the_bounds_hold_every_completion() -> None:
    """Whatever the missing outcomes are, the figures of the complete log lie between the bounds."""
    rng = np.random.default_rng(1)
    cohort = Cohort.draw(SCENARIOS["late, and never"], rng, 800)
    seen = figures(cohort, LateArrivals.nothing(2))
    assert seen["value_policy"].bounds is not None
    assert seen["value_policy"].bounds.missing == cohort.is_missing.sum()
    for fill in (np.zeros(800), np.ones(800), cohort.outcome):
        for name, complete in figures(replace(cohort, outcome=fill, seen=np.zeros(800)), None, cohort).items():
            bounds = seen[name].bounds
            assert bounds is not None
            assert bounds.low <= complete.value <= bounds.high, name


def test_bounds_are_never_narrower_than_the_interval_beside_them() -> None:
    """Where most are missing and all that came are a no, the worst case has less spread than the figure itself."""
    rng = np.random.default_rng(3)
    cohort = Cohort.draw(SCENARIOS["late, and never"], rng, 800)
    few = replace(cohort, outcome=np.zeros(800), seen=np.where(rng.random(800) < 0.75, np.inf, 0.0))
    bounded = {name: one for name, one in figures(few, LateArrivals.nothing(2)).items() if one.bounds}
    assert "value_policy" in bounded
    for name, one in bounded.items():
        assert one.bounds.low <= one.low, name
        assert one.high <= one.bounds.high, name


def figures(cohort: Cohort, late: LateArrivals | None, known: Cohort | None = None) -> dict[str, Estimate]:
    log = cohort.log
    if known is not None:  # what was seen stays as it was seen; only what is missing is filled in
        log["outcome_class"] = np.where(known.is_missing, cohort.outcome, known.outcome).astype(float)
    missing = None if late is None else missing_outcomes(use_case(), log, cohort.frame, late)
    logged = logged_decisions(use_case(), log, cohort.frame, None, missing)
    told = money_figures(log, logged, rules_action(cohort.leaning), one_hot(preferred_action(cohort.leaning), 2))
    return {one.monitor: one.estimate for one in told if one.estimate.value is not None}


def test_with_every_outcome_there_is_nothing_to_bound() -> None:
    cohort = Cohort.draw(SCENARIOS["absent means 0"], np.random.default_rng(2), 500)
    told = figures(cohort, LateArrivals.nothing(2))
    assert {name: estimate.bounds for name, estimate in told.items()} == dict.fromkeys(told)
    assert told == figures(cohort, None)


def test_bounds_scale_and_turn_with_their_figure() -> None:
    estimate = Estimate(2.0, 1.0, 3.0, 10, 10.0, 0.95, bounds=OutcomeBounds(4, 1.0, -1.0, 5.0))
    assert estimate.is_sign_open
    cost = estimate.scaled(-10)
    assert (cost.value, cost.low, cost.high) == (-20, -30, -10)
    assert (cost.bounds.low, cost.bounds.high) == (-50, 10)
    assert not replace(estimate, low=-0.5).is_sign_open  # the interval says so itself
    assert not replace(estimate, bounds=OutcomeBounds(4, 1.0, 0.5, 5.0)).is_sign_open
    assert not replace(estimate, bounds=OutcomeBounds(4, 0.0)).is_sign_open  # nothing is known of it


def test_outcomes_that_are_missing_for_a_reason_do_not_accuse_the_propensities() -> None:
    """What the explored ones were is gone: arrived weights are far off, the propensities are right."""
    rng, n = np.random.default_rng(3), 20_000
    cohort = Cohort.draw(SCENARIOS["late negatives"], rng, n)
    log = cohort.log
    log.loc[(cohort.propensity < 0.5) & (rng.random(n) < 0.7), "outcome_class"] = np.nan
    policy = one_hot(rules_action(cohort.leaning), 2)
    told = policy_value(logged_decisions(use_case(), log, cohort.frame, None), policy)
    assert abs(told.overlap.weight_deviation) < 4
    verdict = judge_overlap(told.overlap)
    assert "propensities" not in verdict.reason
    assert f"{told.overlap.missing_outcomes:,} outcomes have not come" in verdict.reason


def test_propensities_that_are_wrong_are_still_named() -> None:
    cohort = Cohort.draw(SCENARIOS["late negatives"], np.random.default_rng(4), 20_000)
    log = cohort.log.assign(propensity=np.where(cohort.propensity < 0.5, 0.4, 0.6))
    told = policy_value(
        logged_decisions(use_case(), log, cohort.frame, None), one_hot(1 - preferred_action(cohort.leaning), 2)
    )
    assert "less often than their logged" in judge_overlap(told.overlap).reason


def test_a_rate_whose_missing_ones_are_known_to_be_late_is_that_of_all() -> None:
    cohorts = [Cohort.draw(SCENARIOS["late negatives"], np.random.default_rng(seed), 2_000) for seed in range(12)]
    late = LateArrivals.learn([one.later(49.0) for one in cohorts[:-1]], 2, tolerance=0.05)
    last, truth = cohorts[-1], cohorts[-1].outcome.mean()
    missing = missing_outcomes(use_case(), last.log, last.frame, late)
    told = outcome_rate(last.log["outcome_class"].to_numpy(), missing)
    early = last.log["outcome_class"].mean()
    different = late_against_early(last.log["outcome_class"].to_numpy(), missing)
    assert different["early_outcome_rate"].value == pytest.approx(early)
    assert different["late_outcome_rate"].high < 0.2 < different["early_outcome_rate"].low
    assert different["late_share"].value == pytest.approx(1.0)
    assert told.value == pytest.approx(truth, abs=0.01)
    assert early > told.high
    assert told.bounds.to_come == pytest.approx(told.bounds.missing, rel=0.01)
    assert (told.bounds.low, told.bounds.high) == pytest.approx((told.low, told.high), abs=0.01)


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(one, marks=[] if one == "late, and never" else [pytest.mark.exhaustive]) for one in SCENARIOS],
)
def test_ranges_hold_the_truth_where_the_early_outcomes_alone_do_not(scenario: str) -> None:
    """Small; `python -m benchmarks missing` does it with hundreds of cohorts."""
    told = list(told_of(SCENARIOS[scenario], 26, 600, 5, Truth.of(200_000)))
    for figure in FIGURES:
        of_figure = [one for one in told if one.figure == figure]
        assert np.mean([one.is_covered for one in of_figure]) >= 0.87, figure
        # Until then earlier cohorts say little.
        assert np.median([one.relative_width for one in of_figure[-14:]]) <= 1.3, figure
    naive = np.mean([one.is_naively_covered for one in told if one.figure == "outcome_rate"])
    # By contract no news is a no: then what has come is all that there is.
    assert naive >= 0.87 if SCENARIOS[scenario].is_absent_zero else naive < 0.6
