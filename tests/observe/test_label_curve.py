"""The label curve: counts that add up, the usual share at an age, and how much cohorts differ by nature."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.observe.label_curve import CohortArrivals, LabelCurve

ages = st.lists(st.one_of(st.floats(0, 60), st.just(float("nan"))), max_size=40)


def test_a_label_counts_from_the_day_on_which_it_is_there() -> None:
    cohort = CohortArrivals.of([0.0, 0.5, 1.0, 1.2, 7.0, np.nan], decided=10)
    assert cohort.by_day == (1, 2, 1, 0, 0, 0, 0, 1)
    assert [cohort.arrived_by(age) for age in (0, 0.9, 1, 2, 6.9, 7, 400)] == [1, 1, 3, 4, 4, 5, 5]


@given(ages, ages)
def test_two_parts_of_a_cohort_add_up_to_the_whole(one: list[float], other: list[float]) -> None:
    parts = CohortArrivals.of(one, len(one)) + CohortArrivals.of(other, len(other))
    assert parts == CohortArrivals.of(one + other, len(one) + len(other))


@given(st.lists(ages, max_size=5))
def test_it_travels_as_json(cohorts: list[list[float]]) -> None:
    curve = LabelCurve.of((one, len(one)) for one in cohorts)
    assert LabelCurve.from_json(json.loads(json.dumps(asdict(curve)))) == curve


def test_more_labels_than_decisions_are_refused() -> None:
    with pytest.raises(UsageError, match="2 labels arrived for 1 decisions"):
        CohortArrivals(1, (2,))


def test_the_usual_share_needs_three_cohorts_and_pools_them() -> None:
    curve = LabelCurve.of([(np.full(50, 3.0), 100), (np.full(200, 3.0), 200)])
    assert curve.usual(5) is None
    usual = (curve + LabelCurve.of([(np.full(20, 9.0), 100)])).usual(5)
    assert usual is not None
    assert usual.share == pytest.approx(250 / 400)
    assert usual.correlation > 0.3
    assert curve.shares().tolist() == pytest.approx([0, 0, 0, 250 / 300])
    assert curve.last(1).usual(5) is None


def test_cohorts_that_differ_by_chance_only_have_no_correlation_and_others_their_own() -> None:
    rng = np.random.default_rng(3)
    alike, unlike = [], []
    for _ in range(200):
        curve = LabelCurve(tuple(CohortArrivals(500, (int(rng.binomial(500, 0.8)),)) for _ in range(20)))
        alike.append(curve.usual(0).correlation)
        shares = rng.beta(0.8 * 199, 0.2 * 199, 20)  # intra-cohort correlation 1 / 200
        curve = LabelCurve(tuple(CohortArrivals(500, (int(k),)) for k in rng.binomial(500, shares)))
        unlike.append(curve.usual(0).correlation)
    assert np.mean(alike) < 0.001
    assert np.mean(unlike) == pytest.approx(0.005, abs=0.001)


@pytest.mark.parametrize(("natural", "most"), [(0.0, 0.01), (0.02, 0.02)])
def test_an_unchanged_cohort_is_told_to_fall_short_about_as_often_as_declared(natural: float, most: float) -> None:
    rng, bounds = np.random.default_rng(4), []
    for _ in range(2_000):
        k = rng.binomial(800, np.clip(rng.normal(0.85, natural, 9), 0, 1))
        curve = LabelCurve(tuple(CohortArrivals(800, (int(one),)) for one in k[:8]))
        bounds.append(curve.usual(0).shortfall(800, int(k[8]), 0.01).low)
    assert np.mean(np.array(bounds) > 0) <= most + 2 * np.sqrt(most / 2_000)
    assert max(bounds) < 0.05  # at the usual tolerance there is none at all


def test_what_is_really_missing_is_seen() -> None:
    rng = np.random.default_rng(5)
    k = rng.binomial(800, np.clip(rng.normal(0.85, 0.01, 8), 0, 1))
    usual = LabelCurve(tuple(CohortArrivals(800, (int(one),)) for one in k)).usual(0)
    assert usual.shortfall(800, int(0.6 * 800), 1e-4).low > 0.05
