"""What is decided one at a time never exceeds a budget, and says what its chances really were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.act.constraints import BatchTotals, limits_of
from decisionloop.act.economics import action_costs
from decisionloop.act.exploration.agreement import agree_on_exploring
from decisionloop.act.pacing import PeriodUse, limits_ahead, rows_left
from decisionloop.act.policy import choose_part, plan_ahead
from decisionloop.act.situation import SPENT, Situation
from decisionloop.act.within_budget import Means, choose_within, rules_within
from tests.examples import examples

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)
BUDGET = {"kind": "budget", "cost": {"call": "0.1 * spend", "mail": "2"}, "limit": 1e6}


def limited(make_use_case, share=0.0, constraints=(BUDGET,), holdout=0.0):
    """The use case with its constraints, exploring with a flat share."""
    exploration = {"kind": "uniform", "share": share}
    return make_use_case(
        policy={"exploration": exploration, "constraints": list(constraints), "holdout_share": holdout}
    )


def world(make_frame, use_case, rows, seed):
    """Rows, what is known of them, and their totals."""
    random = np.random.default_rng(seed)
    frame = make_frame(rows, spend=random.exponential(50, rows).round(0) + 1)
    values = random.normal([2.0, 0.0, 1.0], 2.0, (rows, 3))
    situation = Situation(values, random.integers(0, 3, rows), has_model=True)
    totals = BatchTotals.of(use_case, frame)
    exploring = agree_on_exploring(use_case, AS_OF, totals, lambda: [(frame, situation)], ())
    return frame, replace(situation, exploring=exploring), totals


def chosen(use_case, frame, situation, totals, left, as_of=AS_OF):
    """The actions and propensities of all rows, their reasons, and what they used."""
    within = choose_within(use_case, frame, as_of, situation, Means(np.array([left]), None, totals))
    choices, spent = within.choices, within.spent
    return (
        np.concatenate([one.action for one in choices]),
        np.concatenate([one.propensities for one in choices]),
        np.concatenate([one.fallback_reason for one in choices]),
        spent,
    )


@examples(30)
@given(
    rows=st.integers(1, 60), seed=st.integers(0, 2**32), left=st.floats(0.0, 150.0),
    share=st.sampled_from([0.0, 0.3]), holdout=st.sampled_from([0.0, 0.3]), has_model=st.booleans(),
)  # fmt: skip
def test_no_draw_and_nobody_who_decides_exceeds_what_is_left(
    make_use_case, make_frame, rows, seed, left, share, holdout, has_model
):
    use_case = limited(make_use_case, share, holdout=holdout)
    frame, situation, totals = world(make_frame, use_case, rows, seed)
    situation = replace(situation, has_model=has_model)
    action, propensities, reason, spent = chosen(use_case, frame, situation, totals, left)
    costs = action_costs(use_case, frame, use_case.policy.constraints[0])[np.arange(rows), action]
    assert costs.sum() <= left
    assert spent.use == PeriodUse(rows, (pytest.approx(costs.sum()),))
    assert (propensities[np.arange(rows), action] > 0).all()
    assert propensities.sum(axis=1) == pytest.approx(np.ones(rows))
    # Who could no longer pay for something that it had a chance of says so, and nobody else; these are chosen as ever.
    free = choose_part(use_case, frame, AS_OF, situation, totals, None)
    before = np.r_[0.0, np.cumsum(costs)[:-1]]
    short = action_costs(use_case, frame, use_case.policy.constraints[0]) - (left - before[:, None])
    dear = short > 1e-9  # what is left to a hair is as its sums round
    is_sure = (np.abs(np.delete(short, NOTHING, axis=1)) > 1e-9).all(axis=1)
    is_cut = (dear & (free.propensities > 0)).any(axis=1)
    assert (pd.notna(reason) == is_cut)[is_sure].all()
    is_cut |= ~is_sure
    assert (action[~is_cut] == free.action[~is_cut]).all()
    assert propensities[~is_cut] == pytest.approx(free.propensities[~is_cut])
    assert (propensities[dear] == 0).all()


def test_what_costs_nothing_is_open_where_the_budget_is_spent_and_a_hair_more(make_use_case, make_frame):
    use_case = limited(make_use_case)
    frame, situation, totals = world(make_frame, use_case, 28, 0)
    for left in (0.4, 0.0, -1e-12):
        action, *_ = chosen(use_case, frame, situation, totals, left)
        assert (action[-1], len(action)) == (NOTHING, 28)


def test_the_chances_are_what_they_are_said_to_be_while_a_budget_runs_out(make_use_case, make_frame):
    use_case = limited(make_use_case, share=0.4)
    frame, situation, totals = world(make_frame, use_case, 6, 1)
    taken, said = np.zeros((6, 3)), np.zeros((6, 3))
    days = 500
    for day in range(days):
        moment = AS_OF + pd.Timedelta(days=day)
        action, propensities, _, _ = chosen(use_case, frame, situation, totals, 9.0, moment)
        taken[np.arange(6), action] += 1
        said += propensities
    assert (said[:, NOTHING] / days).max() > 0.2  # it does run out
    error = np.sqrt(np.maximum(said / days * (1 - said / days), 1e-9) / days)
    assert (np.abs(taken - said) / days < 4.5 * error + 1e-9).all()


def test_who_is_cut_says_so_and_what_nobody_knows_the_cost_of_is_not_done(make_use_case, make_frame):
    use_case = limited(make_use_case)
    frame, situation, totals = world(make_frame, use_case, 4, 2)
    action, _, reason, _ = chosen(use_case, frame, situation, totals, 0.0)
    is_cut = situation.values.argmax(axis=1) != NOTHING
    assert set(is_cut) == {False, True}
    assert (list(action), list(reason)) == ([NOTHING] * 4, [SPENT if cut else None for cut in is_cut])
    unknown = frame.assign(spend=np.nan)
    action, *_ = chosen(use_case, unknown, situation, BatchTotals.of(use_case, unknown), 1e6)
    assert CALL not in action
    assert MAIL in action


def test_rules_that_would_have_done_nothing_anyway_are_cut_by_no_budget(make_use_case, make_frame):
    """And what the rules could have done of the others is what could be paid."""
    use_case = limited(make_use_case, holdout=0.2)
    frame, situation, totals = world(make_frame, use_case, 60, 5)
    rules = situation.rules_action
    within = choose_within(
        use_case, frame, AS_OF, replace(situation, has_model=False), Means(np.array([20.0]), None, totals)
    )
    reason = np.concatenate([one.fallback_reason for one in within.choices])
    action = np.concatenate([one.action for one in within.choices])
    is_cut = action != rules
    assert 0 < is_cut.sum() < (rules != NOTHING).sum()
    assert [*reason] == [SPENT if cut else None for cut in is_cut]
    assert (rules_within(use_case, situation, rules, within.is_paid) == action).all()


def test_what_is_worth_most_is_paid_for_at_the_prices_of_what_is_left(make_use_case, make_frame):
    use_case = limited(make_use_case)
    frame, situation, _ = world(make_frame, use_case, 400, 3)
    used = PeriodUse(100, (50.0,))
    use_case = limited(make_use_case, constraints=[BUDGET | {"limit": 250.0}])

    def agreed(to_come):
        return plan_ahead(
            use_case, AS_OF, (frame, situation), lambda limits: limits_ahead(use_case, limits, used, to_come, 400)
        )

    half, little = agreed(400.0), agreed(4_000.0)
    assert 0 < half.price[0] < little.price[0]
    costs = action_costs(use_case, frame, use_case.policy.constraints[0])
    totals = BatchTotals.of(use_case, frame)
    choices = choose_within(use_case, frame, AS_OF, situation, Means(np.array([1e6]), half, totals)).choices
    assert (choices[0].propensities * costs).sum() == pytest.approx(200.0)


def test_shares_are_made_good_in_what_is_to_come(make_use_case, make_frame):
    share = {"kind": "share", "action": "call", "minimum": 0.2, "maximum": 0.5}
    use_case = limited(make_use_case, constraints=[share])
    frame, _, totals = world(make_frame, use_case, 100, 4)
    most, least = limits_of(use_case, frame, totals)
    ahead = limits_ahead(use_case, (most, least), PeriodUse(100, (60.0,)), 100.0, 100)
    assert [one.bound for one in ahead] == [pytest.approx(40.0), 0.0]
    ahead = limits_ahead(use_case, (most, least), PeriodUse(100, (10.0,)), 100.0, 100)
    assert [one.bound for one in ahead] == [pytest.approx(90.0), pytest.approx(-30.0)]
    ahead = limits_ahead(use_case, (most, least), PeriodUse(900, (0.0,)), 100.0, 100)
    assert [one.bound for one in ahead] == [100.0, -100.0]  # more than all is not to be had


def test_how_many_are_to_come_is_the_usual_pace_until_the_present_one_is_known():
    assert rows_left(PeriodUse(0, ()), 0.1, 1_000) == pytest.approx(1_000 / 1.1 * 0.9)
    assert rows_left(PeriodUse(500, ()), 0.5, 1_000) == pytest.approx(500)
    assert rows_left(PeriodUse(500, ()), 0.5, None) == pytest.approx(500)
    assert rows_left(PeriodUse(7, ()), 1.0, None) == 1.0
