"""One sequence of watching: what a batch or cohort is compared with, and what is judged when labels are missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.monitor.compare.profile import FrameProfile, Reference
from decisionloop.monitor.labels import LABEL_SHORTFALL, CohortLabels
from decisionloop.monitor.watching.watch_batch import RECENT_BATCHES, FeaturesBefore, watch_features
from decisionloop.monitor.watching.watch_cohort import (
    EARLIER_COHORTS,
    FIRST_COHORTS,
    OUTCOME_RATE,
    RULES_LIFT,
    SIGNED_GAP,
    CohortsBefore,
    EarlierFigure,
    watch_cohort,
)
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.entity_money import entity_money, with_earlier_money
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.label_curve import LabelCurve
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.release_predictions import ReleasePredictions
from tests.monitor.customers import customers, offers
from tests.monitor.watched import watched

LOANS = watched()
COMPLETE = CohortLabels(1_000, 990, 28.0, LabelCurve())
HALF_MISSING = CohortLabels(1_000, 400, 28.0, LabelCurve())
USUAL_RATES = tuple(
    EarlierFigure(f"{week:02d}", OUTCOME_RATE, Estimate(0.1, 0.08, 0.12, 900, 900.0, 0.95)) for week in range(6)
)


def lent(rng: np.random.Generator, n: int = 4_000, worse_fallbacks: float = 0.0) -> DecidedCohort:
    """Everybody got a loan; a tenth by exploration, a twentieth each as holdout and as fallback of a model that is
    right but for ``worse_fallbacks``, which is added to the risk of those."""
    p = rng.beta(1, 9, n)
    role = rng.choice(["champion", "exploration", "holdout"], n, p=[0.85, 0.1, 0.05])
    is_fallback = (role == "champion") & (rng.random(n) < 0.06)
    outcome = (rng.random(n) < np.clip(p + worse_fallbacks * is_fallback, 0, 1)).astype(float)
    log = pd.DataFrame(
        {
            "decision_id": np.arange(n).astype(str),
            "entity_id": np.arange(n).astype(str),
            "role": role,
            "action": "lend",
            "propensity": np.select([(role == "holdout") | is_fallback, role == "exploration"], [1.0, 0.1], 0.9),
            "fallback_reason": pd.Series(np.where(is_fallback, "row fault", None), dtype="str"),
            "outcome_class": outcome,
            "outcome_amount": np.nan,
        }
    )
    frame = pd.DataFrame({"client_id": log["entity_id"], "spend": 1.0})
    values = np.column_stack([np.zeros(n), 10 - 50 * p])
    predictions = ReleasePredictions(np.zeros(n, dtype=np.int64), "loans/model/1", values, p, {})
    return DecidedCohort.of(LOANS, log, frame, predictions, lambda: pytest.fail("the logged score is of this action"))


def test_what_a_fault_sent_to_the_rules_says_nothing_of_the_feedback_loop():
    cohort = lent(np.random.default_rng(1), 20_000, worse_fallbacks=0.8)
    watched_cohort = watch_cohort(cohort, COMPLETE, CohortsBefore(0.7))
    (loop,) = [one for one in watched_cohort.findings if one.family == "feedback"]
    assert not loop.is_alarm
    assert loop.figure.n == int((~cohort.is_fallback).sum())
    assert not any(one.is_alarm for one in watched_cohort.findings)


def test_where_labels_are_missing_neither_the_outcome_nor_the_money_is_judged():
    before = CohortsBefore.of(USUAL_RATES, (), 0.7)
    complete, holes = (
        watch_cohort(lent(np.random.default_rng(2)), labels, before) for labels in (COMPLETE, HALF_MISSING)
    )
    assert {one.monitor for one in complete.findings} >= {"outcome_shift", "value_against_rules", "calibration"}
    assert {one.family for one in holes.findings} == {"performance", "feedback"}
    assert all(one.bound is None for one in holes.findings)
    told = [
        {one.monitor: one.estimate.value for one in cohort.figures if one.monitor in {OUTCOME_RATE, LABEL_SHORTFALL}}
        for cohort in (complete, holes)
    ]
    assert [one[LABEL_SHORTFALL] for one in told] == [0.0, pytest.approx(0.8 - 0.4)]
    assert all(OUTCOME_RATE in one for one in told)  # measured, and not judged
    assert {one.monitor for one in holes.figures} >= {"value_policy", "auc", SIGNED_GAP, "value_holdout_difference"}


def test_rules_are_measured_and_judged_by_their_outcome_and_what_is_known_without_one():
    cohort = lent(np.random.default_rng(3))
    of_rules = ReleasePredictions(cohort.rules, "loans/rules/1", None, None, {})
    ruled = DecidedCohort.of(LOANS, cohort.log, cohort.frame, of_rules, lambda: pytest.fail("rules score nobody"))
    result = watch_cohort(ruled, COMPLETE, CohortsBefore.of(USUAL_RATES, (), None))
    assert {one.monitor for one in result.findings} == {"outcome_shift", "value_against_action"}
    assert "value_policy" in {one.monitor for one in result.figures}
    assert "auc" not in {one.monitor for one in result.figures}


def test_what_is_usual_comes_from_earlier_cohorts_that_nobody_questions():
    def figures(monitor: str) -> list[EarlierFigure]:
        return [EarlierFigure(f"{week:02d}", monitor, known(week)) for week in reversed(range(20))]

    def known(week: int) -> Estimate:
        return cannot_say("too few", 3, 0.95) if week == 1 else Estimate(week, week - 1.0, week + 1.0, 100, 100.0, 0.95)

    monitors = (OUTCOME_RATE, SIGNED_GAP, RULES_LIFT)
    earlier = [figure for monitor in monitors for figure in figures(monitor)]
    before = CohortsBefore.of(earlier, {"18", "19"}, 0.8)
    assert before.outcome_rates.n == (100,) * EARLIER_COHORTS
    assert before.outcome_rates.events == tuple(100 * week for week in range(18 - EARLIER_COHORTS, 18))
    assert [gap.value for gap in before.first_gaps] == [0, 2, 3, 4]
    assert len(before.first_gaps) == FIRST_COHORTS
    assert before.usual_gap is not None
    assert [lift.value for lift in before.rules_lifts] == [0, None, *range(2, 20)]
    assert CohortsBefore.of(earlier[-20:], (), None).usual_gap is None


def test_the_rate_of_a_cohort_that_had_too_few_outcomes_is_not_usual():
    rate, enough, short = (Estimate(value, None, None, 100, 100.0, 0.95) for value in (0.5, 0.0, 0.2))
    earlier = [EarlierFigure(name, OUTCOME_RATE, rate) for name in ("01", "02", "03")]
    earlier += [EarlierFigure("01", LABEL_SHORTFALL, enough), EarlierFigure("02", LABEL_SHORTFALL, short)]
    assert CohortsBefore.of(earlier, (), None).outcome_rates.n == (100, 100)
    assert CohortsBefore.of(earlier, {"03"}, None).outcome_rates.n == (100,)


def test_policy_and_holdout_add_up_by_entity_over_the_cohorts_and_start_from_what_people_were_worth_before():
    weeks = [watch_cohort(lent(np.random.default_rng(seed)), COMPLETE, CohortsBefore(0.7)) for seed in (5, 6)]
    first, second = (one.entities for one in weeks)
    assert first is not None
    assert second is not None
    for week in weeks:  # a cohort's rows are what its figures say
        figures = {one.monitor: one.estimate.value for one in week.figures if one.slice == "all"}
        money, held = week.entities.money, week.entities.is_held
        assert money[~held].mean() == pytest.approx(figures["value_policy"])
        assert money[held].mean() == pytest.approx(figures["value_holdout"])
    both = watch_cohort(lent(np.random.default_rng(6)), COMPLETE, CohortsBefore(0.7, holdout=(first,)))
    (told,) = [one for one in both.findings if one.monitor == "value_against_holdout"]
    money, held = (np.concatenate([getattr(one, name) for one in (first, second)]) for name in ("money", "is_held"))
    assert told.figure.value == pytest.approx(money[~held].mean() - money[held].mean())
    (with_past,) = with_earlier_money([second], [first])
    known = ~np.isnan(with_past.before)
    own = dict(zip(first.entity[~first.is_explored], first.money[~first.is_explored], strict=True))
    assert [own[one] for one in second.entity[known]] == pytest.approx(list(with_past.before[known]))
    assert 0 < (~known).sum() < first.is_explored.sum() + 300  # who was explored, or a single fault, says nothing


def test_where_nobody_is_held_out_there_is_nothing_to_add_up():
    cohort = lent(np.random.default_rng(7))
    log = cohort.log.assign(role=cohort.log["role"].replace("holdout", "champion"))
    assert entity_money(log, cohort.logged(cohort.missing(LateArrivals.nothing(2)))) is None


def test_limits_are_calibrated_once_by_the_first_eight_batches():
    reference = Reference.of(offers(), customers(10_000, seed=0))
    recent = tuple(FrameProfile.of(customers(1_000, seed), reference.bins) for seed in range(1, RECENT_BATCHES + 1))
    now = FrameProfile.of(customers(1_000, 99), reference.bins)
    early = watch_features(offers(), now, FeaturesBefore(reference, recent[:-1]), Stakes())
    due = watch_features(offers(), now, FeaturesBefore(reference, recent), Stakes())
    assert early.calibrated == {}
    assert set(due.calibrated) == set(reference.profile.counts)
    limits = {name: one.threshold for name, one in due.calibrated.items()}
    again = watch_features(offers(), now, FeaturesBefore(reference, recent, limits), Stakes())
    assert again.calibrated == {}
    assert again.findings == due.findings
