"""A challenger decides for more entities the surer it is that it earns more, one step at a time, and never by harm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.contract.releasing import Canary
from decisionloop.learn.comparison import Comparison, Progress
from decisionloop.learn.money_of_trial import MoneyOfTrial
from decisionloop.learn.ramp import Since, Standing, entitled, share_held, share_in_place, share_now, standing
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.normal_mixture import mixture_capital
from decisionloop.observe.outcome_bounds import OutcomeBounds

STEPS = Canary().steps
NOTHING = Estimate(None, None, None, 0, 0.0, 0.95, "nothing has matured")


def _gain(value: float, low: float, confidence: float = 0.4) -> Estimate:
    return Estimate(value, low, 2 * value - low, 1000, 900.0, confidence)


def _tried(whole: Estimate) -> MoneyOfTrial:
    return MoneyOfTrial(whole, whole)


def test_without_evidence_nobody_is_decided_for():
    assert share_now(STEPS, 0.0, standing(None, Since(NOTHING), 0.0)) == 0.0


def test_a_trial_begins_at_the_first_step_and_then_has_the_share_that_it_stands_for():
    for sure, shares in ((0.999, [0.05, 0.9, 0.9]), (0.96, [0.05, 0.5, 0.5]), (0.85, [0.05, 0.05]), (0.7, [0.0, 0.0])):
        share = 0.0
        for now in shares:
            share = share_now(STEPS, share, Standing(sure, is_behind=False))
            assert share == now
    assert share_now(STEPS, 0.05, Standing(0.89, is_behind=False)) == 0.05
    assert share_now(STEPS, 0.25, Standing(0.94, is_behind=False)) == 0.25
    assert share_now(STEPS, 0.5, Standing(0.98, is_behind=False)) == 0.5


def test_no_step_risks_more_than_a_fortieth():
    assert all(step.share * (1 - step.confidence) <= 1 / 40 + 1e-12 for step in STEPS)


def test_what_it_stands_for_is_the_largest_share_in_the_end():
    told = [entitled(STEPS, Standing(confidence, is_behind=False)) for confidence in (0.5, 0.8, 0.92, 0.97, 0.995)]
    assert told == [0.0, 0.05, 0.25, 0.5, 0.9]
    assert entitled(STEPS, Standing(0.995, is_behind=True)) == 0.0


def test_what_has_matured_since_holds_it_where_it_speaks_against():
    first, behind = _gain(10.0, 9.0), _gain(-1.0, -3.0)
    assert standing(first, Since(behind), 0.0).is_behind
    assert share_now(STEPS, 0.05, standing(first, Since(behind), 0.0)) == 0.05
    assert share_now(STEPS, 0.05, standing(first, Since(_gain(1.0, -3.0)), 0.0)) == 0.9


def test_the_confidence_of_a_first_look_is_that_at_which_its_bound_meets_what_is_required():
    for confidence in (0.4, 0.9, 0.975):
        assert standing(_gain(2.0, 0.0, confidence), Since(NOTHING), 0.0).confidence == pytest.approx(
            (1 + confidence) / 2
        )
    assert standing(_gain(2.0, 1.0), Since(NOTHING), 2.0).confidence == pytest.approx(0.5)


def test_a_bet_that_has_won_speaks_for_it_without_a_first_look():
    opened = Comparison("2005-06-01T00:00:00+00:00", 0.0125, None)
    assert standing(None, Since(NOTHING, Progress(opened, capital=20.0)), 0.0).confidence == pytest.approx(0.95)
    assert standing(None, Since(NOTHING, Progress(opened, capital=0.5)), 0.0).confidence == 0.0


@given(st.floats(0, 1), st.floats(0, 0.9), st.booleans())
def test_a_share_never_falls_and_is_no_larger_than_it_was_or_stands_for(confidence, before, is_behind):
    stands = Standing(confidence, is_behind)
    after = share_now(STEPS, before, stands)
    assert before <= after <= max(before, entitled(STEPS, stands))
    assert before or after <= STEPS[0].share


@pytest.mark.parametrize(
    ("theirs", "sure", "share"), [(0.05, 0.999, 0.05), (0.5, 0.999, 0.5), (0.5, 0.92, 0.25), (0.9, 0.7, 0.0)]
)
def test_who_takes_the_place_of_another_one_takes_its_share(theirs, sure, share):
    assert share_in_place(STEPS, theirs, Standing(sure, is_behind=False)) == share


def test_who_is_behind_holds_its_place_against_nobody():
    assert share_held(STEPS, 0.9, Standing(0.92, is_behind=False)) == 0.9
    assert share_held(STEPS, 0.05, Standing(0.92, is_behind=False)) == 0.25
    assert share_held(STEPS, 0.9, Standing(0.999, is_behind=True)) == 0.0


def test_who_gains_only_where_outcomes_are_missing_does_not_gain():
    plain = _gain(1.0, 0.2, 0.95)
    assert _tried(plain).is_gaining(0.5)
    assert not _tried(plain).is_gaining(1.0)
    for low, is_gaining in ((0.1, True), (-0.5, False), (None, False)):
        missed = replace(plain, bounds=OutcomeBounds(9, 0.0, low, None if low is None else 2.0))
        assert _tried(missed).is_gaining(0.5) == is_gaining
    assert not _tried(NOTHING).is_gaining(-1.0)


def test_a_contract_without_steps_has_no_canary():
    assert share_now((), 0.0, Standing(1.0, is_behind=False)) == 0.0


@pytest.mark.parametrize("truth", [0.0, -0.5])
def test_a_release_that_earns_no_more_seldom_decides_for_many(truth):
    """With a first look of standard error 1, the share reached is above 5 % as often as its confidence says."""
    random, reached = np.random.default_rng(0), []
    for _ in range(4000):
        value = truth + random.normal()
        stands, share = standing(_gain(value, value - 0.5244), Since(NOTHING), 0.0), 0.0
        for _ in range(4):
            share = share_now(STEPS, share, stands)
        reached.append(share)
    shares = np.array(reached)
    assert (shares >= 0.05).mean() <= 0.2 + 0.02
    assert (shares >= 0.25).mean() <= 0.1 + 0.015
    assert (shares >= 0.5).mean() <= 0.05 + 0.01
    assert (shares >= 0.9).mean() <= 0.01 + 0.005


def test_what_came_of_its_trial_speaks_for_it_where_its_first_look_was_not_sure():
    first, since = _gain(2.0, 0.0, 0.6), _gain(1.0, -50.0)
    doubtful = standing(first, Since(since), 0.0)
    assert (doubtful.grounds, entitled(STEPS, doubtful)) == ("first look", 0.05)
    sure = standing(first, Since(since, of_trial=_tried(_gain(1.0, 0.6, 0.95))), 0.0)
    assert (sure.grounds, entitled(STEPS, sure)) == ("trial", 0.9)
    missed = replace(_gain(1.0, 0.6, 0.95), bounds=OutcomeBounds(9, 0.0, -0.4, 2.0))
    assert standing(first, Since(since, of_trial=_tried(missed)), 0.0) == doubtful
    assert standing(None, Since(since, of_trial=_tried(_gain(1.0, 0.6, 0.95))), 0.0).confidence == 0.0


@pytest.mark.parametrize("truth", [0.0, -0.05])
def test_a_trial_that_gains_nothing_seldom_makes_a_capital_however_often_it_is_looked_at(truth):
    """Weekly looks at half a year of a gain that is not there: one row in a hundred is a loss of 50."""
    random, weeks, rows = np.random.default_rng(1), 26, 200
    losses = random.binomial(rows, 0.01, (1500, weeks)).cumsum(axis=1)
    n = rows * np.arange(1, weeks + 1)
    mean = 0.5 - 50 * losses / n + truth
    error = 50 * np.sqrt(np.maximum(losses / n, 0.005) / n)
    capital = np.array(
        [[mixture_capital(*one, 1.5) for one in zip(*life, strict=True)] for life in zip(mean, error, strict=True)]
    )
    most = capital.max(axis=1)
    for sure in (0.8, 0.9, 0.95, 0.99):
        assert (most >= 1 / (1 - sure)).mean() <= (1 - sure) + 3 * np.sqrt(sure * (1 - sure) / len(most))


def test_the_capital_is_the_average_over_the_gains_that_are_bet_on():
    gains = np.linspace(0, 40, 400_001)
    density = 2 * np.exp(-0.5 * (gains / 1.7) ** 2) / (1.7 * np.sqrt(2 * np.pi))
    for value, error in ((1.2, 0.4), (-0.5, 0.3), (0.0, 2.0)):
        ratio = np.exp((gains * value - gains**2 / 2) / error**2)
        assert mixture_capital(value, error, 1.7) == pytest.approx(np.trapezoid(density * ratio, gains), rel=1e-6)
    assert mixture_capital(1.0, np.inf, 1.0) == 1.0
    assert mixture_capital(1e9, 1.0, 1.0) == 1e100
