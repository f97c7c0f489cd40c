"""Simulated years whose truth is known: quiet while nothing changes, and a change is seen where it should be.

A year of each family of monitors here, the others in `make torture`; `python -m benchmarks monitors` does the same with
hundreds of years.
"""

from __future__ import annotations

import pytest

from benchmarks.monitor_years.release import release
from benchmarks.monitor_years.runs import Rate
from benchmarks.monitor_years.worlds import bench
from benchmarks.monitor_years.year import simulate

CHANGE, WEEKS = 14, 26
SECOND_MATURE_COHORT = CHANGE + 5
A_LOOK_LATER = SECOND_MATURE_COHORT + 3


@pytest.mark.parametrize("scenario", [pytest.param("stationary", marks=pytest.mark.exhaustive), "seasonal"])
def test_nothing_is_told_where_nothing_changes(scenario: str) -> None:
    year = simulate(scenario, seed=1, weeks=WEEKS, change_week=CHANGE)
    assert year.incidents == ()
    assert year.halted == ()
    assert set(year.checks) == {"inputs", "outputs", "performance", "labels", "value", "impact", "feedback"}


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param("nan_fill", marks=pytest.mark.exhaustive),
        "vanished_category",
        pytest.param("unit_change", marks=pytest.mark.exhaustive),
    ],
)
def test_a_broken_feature_is_told_before_its_first_batch_acts(scenario: str) -> None:
    year = simulate(scenario, seed=1, weeks=CHANGE + 4, change_week=CHANGE)
    assert [(one.week, one.family) for one in year.incidents] == [(CHANGE, "inputs")]
    if scenario != "vanished_category":
        assert year.halted == (CHANGE, CHANGE + 1, CHANGE + 2)  # and it goes on when it is mended


@pytest.mark.parametrize(
    ("scenario", "latest"),
    [
        pytest.param("covariate_shift", CHANGE + 1, marks=pytest.mark.exhaustive),
        pytest.param("prior_shift", SECOND_MATURE_COHORT, marks=pytest.mark.exhaustive),
        pytest.param("concept_drift", SECOND_MATURE_COHORT, marks=pytest.mark.exhaustive),
        ("emerging_bias", CHANGE + 6),
        pytest.param("offer_fatigue", WEEKS - 1, marks=pytest.mark.exhaustive),
        pytest.param("slow_drift", WEEKS - 1, marks=pytest.mark.exhaustive),
    ],
)
def test_a_change_is_told_in_time_and_not_before(scenario: str, latest: int) -> None:
    year = simulate(scenario, seed=1, weeks=latest + 1, change_week=CHANGE)
    found = year.detected(bench().families(scenario))
    assert found is not None
    assert CHANGE <= found.week <= latest
    assert all(one.week >= CHANGE for one in year.incidents)


@pytest.mark.parametrize("scenario", [pytest.param("late_labels", marks=pytest.mark.exhaustive), "label_holes"])
def test_missing_outcomes_are_told_as_such_and_not_blamed_on_the_model(scenario: str) -> None:
    year = simulate(scenario, seed=1, weeks=A_LOOK_LATER, change_week=CHANGE)
    assert {one.family for one in year.incidents} == {"labels"}
    assert CHANGE < year.incidents[0].week <= SECOND_MATURE_COHORT


def test_a_year_repeats() -> None:
    first, second = (simulate("concept_drift", seed=3, weeks=8, change_week=1) for _ in range(2))
    assert first == second


def test_the_release_ranks_as_the_world_allows() -> None:
    assert 0.7 < release().auc < 0.85


def test_the_bound_of_a_rate_is_that_of_a_poisson_count() -> None:
    assert Rate.of([0] * 100, [1.0] * 100).upper == pytest.approx(0.03, abs=1e-3)
    assert Rate.of([0, 10], [1.0, 1.0]).upper > Rate.of([5, 5], [1.0, 1.0]).upper
