"""Why decisions failed: the order of causes, what a large failure is, and what a release has never seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.failures import (
    CAUSE_WORDING,
    Circumstances,
    FailureCause,
    causes_of,
    circumstances_of,
    failure_limit,
    large_failures,
    missing_inputs,
    money_surprise,
    value_gaps,
)
from decisionloop.observe.release_predictions import ReleasePredictions
from decisionloop.observe.slice_predicate import Condition, write_predicate
from decisionloop.observe.support import Support
from tests.monitor.impact_world import HOLD, LEND, loans, people

CALM = Circumstances(
    is_missing=np.zeros(1, dtype=bool),
    is_fallback=np.zeros(1, dtype=bool),
    value_gap=np.array([10.0]),
    age_days=np.zeros(1),
    is_outside=np.zeros(1, dtype=bool),
    is_weak=np.zeros(1, dtype=bool),
    is_unsupported=np.zeros(1, dtype=bool),
)
TROUBLES = {
    FailureCause.MISSING_FEATURE: {"is_missing": np.ones(1, dtype=bool)},
    FailureCause.FALLBACK: {"is_fallback": np.ones(1, dtype=bool)},
    FailureCause.OUTSIDE_SUPPORT: {"is_unsupported": np.ones(1, dtype=bool)},
    FailureCause.STALE_FEATURES: {"age_days": np.array([6.01])},
    FailureCause.OUTSIDE_TRAINING_SUPPORT: {"is_outside": np.ones(1, dtype=bool)},
    FailureCause.NEAR_THRESHOLD: {"value_gap": np.array([0.4])},
    FailureCause.WEAK_GROUP: {"is_weak": np.ones(1, dtype=bool)},
}


@settings(deadline=None)
@given(st.sets(st.sampled_from(list(TROUBLES))))
def test_the_first_cause_of_the_order_counts(found: set[FailureCause]) -> None:
    circumstances = replace(CALM, **{name: value for cause in found for name, value in TROUBLES[cause].items()})
    (cause,) = causes_of(loans(), circumstances, worth=10.0)
    first = next((cause for cause in FailureCause if cause in found), FailureCause.CONFIDENT_AND_WRONG)
    assert cause == first.value
    assert set(CAUSE_WORDING) == set(FailureCause)


def test_what_is_not_known_is_no_cause() -> None:
    unknown = replace(CALM, age_days=None, is_outside=None, is_weak=None, value_gap=np.array([np.nan]))
    assert causes_of(loans(), unknown, worth=10.0) == ["confident_and_wrong"]
    assert causes_of(loans(), replace(CALM, value_gap=np.array([0.0])), worth=None) == ["confident_and_wrong"]
    assert causes_of(loans(), replace(CALM, age_days=np.array([np.nan])), worth=None) == ["confident_and_wrong"]
    with pytest.raises(UsageError, match="other lengths"):
        causes_of(loans(), replace(CALM, value_gap=np.zeros(2)))


def test_only_inputs_that_may_not_be_missing_are_missed() -> None:
    frame = people({("f", "mid"): 3})
    frame.loc[0, "income"], frame.loc[1, "late"] = np.nan, np.nan  # months late may be missing
    assert missing_inputs(loans(), frame).tolist() == [True, False, False]


def test_the_gap_is_between_the_two_best_allowed_actions() -> None:
    values = np.array([[1.0, 5.0, 4.5], [np.nan, 2.0, 0.0], [3.0, np.nan, np.nan], [np.nan] * 3])
    np.testing.assert_allclose(value_gaps(values), [0.5, 2.0, np.nan, np.nan])


def test_surprise_is_money_less_what_was_expected_of_the_action_taken() -> None:
    action = np.array([LEND, LEND, LEND, HOLD, LEND])
    realised = np.array([10.0, -40.0, np.nan, 0.0, 10.0])
    expected = np.array([[0, 6.0], [0, 2.0], [0, 1.0], [0, 3.0], [np.nan, np.nan]])
    # Holding brings 0 and was known to: no surprise. Of the last one nothing was expected: the mean of loans stands in.
    surprise = money_surprise(loans(), realised, expected, action)
    np.testing.assert_allclose(surprise, [4.0, -42.0, np.nan, np.nan, 10 + 20 / 3])
    of_rules = money_surprise(loans(), realised, None, action)
    assert np.nansum(of_rules) == pytest.approx(0)


def test_the_worst_twentieth_are_large_failures_but_trifles_are_not() -> None:
    surprise = np.append(np.arange(-50.0, 50.0), [np.nan] * 20)
    assert failure_limit(surprise) == 46.0
    ids = pd.Series([f"d{i:03d}" for i in range(120)])
    cause = np.array(["fallback"] * 2 + ["near_threshold"] * 118, dtype=object)
    failures = large_failures(ids, surprise, cause)
    assert failures["surprise"].tolist() == [-50, -49, -48, -47, -46]
    assert failures["decision_id"].tolist() == ["d000", "d001", "d002", "d003", "d004"]
    assert len(large_failures(ids, surprise, cause, failure_limit(surprise, worth=49.0))) == 2
    assert failure_limit(np.array([np.nan])) == failure_limit(np.array([0.0, 3.0])) == np.inf
    assert large_failures(ids[:2], np.array([np.nan, 1.0]), cause[:2]).empty


def test_a_kept_limit_shows_that_failures_became_more() -> None:
    rng = np.random.default_rng(2)
    before, after = rng.normal(0, 10, 20_000), rng.normal(-5, 10, 20_000)
    ids, cause = pd.Series(np.arange(20_000).astype(str)), np.full(20_000, "confident_and_wrong", dtype=object)
    limit = failure_limit(before)
    assert len(large_failures(ids, before, cause, limit)) == pytest.approx(1000, abs=2)
    assert len(large_failures(ids, after, cause, limit)) > 2000


def test_support_is_what_the_release_has_seen() -> None:
    learnt = people({("f", "mid"): 4})
    learnt["income"], learnt["late"] = [1.0, 2.0, np.nan, 9.0], np.nan
    support = Support.from_json(Support.of(loans(), learnt).to_json())
    assert support == Support({"income": (1.0, 9.0)}, {"plan": ("basic",)})
    new = people({("f", "mid"): 5})
    new["income"], new["plan"] = [0.9, 9.0, 9.1, np.nan, 5.0], ["basic", "basic", "basic", None, "family"]
    assert support.is_outside(new).tolist() == [True, False, True, False, True]


def test_circumstances_are_read_from_the_log_and_the_frozen_rows() -> None:
    frame = people({("f", "mid"): 4})
    frame["income"] = [np.nan, 50.0, 99.0, 50.0]
    log = pd.DataFrame({"fallback_reason": pd.Series([None, "row fault", None, None], dtype="str")})
    expected = np.array([[0.0, 5.0], [np.nan, np.nan], [0.0, 5.0], [0.0, 0.1]])
    support = Support({"income": (0.0, 60.0)}, {})
    weak = write_predicate([Condition("income", above=10.0)])
    rules = np.zeros(4, dtype=np.int64)

    def cohort(values):
        return DecidedCohort(loans(), log, frame, ReleasePredictions(rules, "r1", values, None, {}), None)

    told = circumstances_of(cohort(expected), support, (weak,), np.array([0.0, 0.0, 0.0, 9.0]))
    causes = ["missing_feature", "fallback", "outside_training_support", "stale_features"]
    assert causes_of(loans(), told, worth=10.0).tolist() == causes
    fresh = circumstances_of(cohort(expected), None, (weak,))
    assert causes_of(loans(), fresh, worth=10.0).tolist() == [*causes[:2], "weak_group", "near_threshold"]
    of_rules = circumstances_of(cohort(None))
    assert causes_of(loans(), of_rules, worth=10.0).tolist()[2:] == ["confident_and_wrong"] * 2
