"""Limits on a batch hold in expectation, exploration included, at the least loss of money."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from decisionloop.act.constraints import UnknownCost
from decisionloop.act.economics import action_costs
from decisionloop.act.policy import choose
from decisionloop.act.prices import InfeasibleConstraints
from decisionloop.act.situation import Situation
from tests.examples import examples

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)


def _budget(limit: float) -> dict[str, object]:
    return {"kind": "budget", "cost": {"call": "0.1 * spend", "mail": "2"}, "limit": limit}


def _situation(rows: int, seed: int, is_tied: bool) -> Situation:
    random = np.random.default_rng(seed)
    values = random.normal(loc=[2.0, 0.0, 1.0], scale=2.0, size=(rows, 3))
    return Situation(values.round(0) if is_tied else values, np.full(rows, NOTHING), has_model=True)


def _frame(make_frame, rows, seed):
    return make_frame(rows, spend=np.random.default_rng(seed).exponential(50, rows).round(0) + 1)


def _expected_cost(use_case, frame, choice):
    return (choice.propensities * action_costs(use_case, frame, use_case.policy.constraints[0])).sum()


def _expected_value(situation, choice):
    return (choice.propensities * situation.values).sum()


CASES = {
    "rows": st.integers(2, 60),
    "seed": st.integers(0, 2**32),
    "is_tied": st.booleans(),
    "exploration": st.sampled_from([0.0, 0.1, 0.5]),
}


@examples(12)
@given(**CASES, fraction=st.floats(0.0, 1.2))
def test_a_budget_is_never_exceeded_in_expectation(
    make_use_case, make_frame, rows, seed, is_tied, exploration, fraction
):
    frame, situation = _frame(make_frame, rows, seed), _situation(rows, seed, is_tied)

    def chosen(limit):
        use_case = make_use_case(
            policy={"exploration": {"kind": "uniform", "share": exploration}, "constraints": [_budget(limit)]}
        )
        choice = choose(use_case, frame, AS_OF, situation)
        return choice, _expected_cost(use_case, frame, choice)

    unlimited = chosen(1e9)[1]
    cheapest = unlimited * fraction + 1
    try:
        choice, cost = chosen(cheapest)
    except InfeasibleConstraints:
        assume(False)
    assert cost <= cheapest * (1 + 1e-8)
    assert choice.propensities.sum(axis=1) == pytest.approx(np.ones(rows))
    if choice.prices[0][1] > 0:
        assert cost == pytest.approx(cheapest)  # what is worth spending is spent, even where rows tie


@examples(10)
@given(**CASES)
def test_raising_a_budget_never_lowers_the_value(make_use_case, make_frame, rows, seed, is_tied, exploration):
    frame, situation = _frame(make_frame, rows, seed), _situation(rows, seed, is_tied)
    values = []
    for limit in np.linspace(0.5, 1.1, 4) * 0.1 * frame["spend"].sum():
        use_case = make_use_case(
            policy={"exploration": {"kind": "uniform", "share": exploration}, "constraints": [_budget(limit)]}
        )
        try:
            values.append(_expected_value(situation, choose(use_case, frame, AS_OF, situation)))
        except InfeasibleConstraints:
            assert not values  # what could be kept with less can be kept with more
    assert (np.diff(values) >= -1e-6).all()


@examples(12)
@given(**CASES, low=st.floats(0.3, 0.5), width=st.sampled_from([0.0, 0.05, 0.2]))
def test_shares_stay_within_their_bounds(make_use_case, make_frame, rows, seed, is_tied, exploration, low, width):
    share = {"kind": "share", "action": "mail", "minimum": low, "maximum": low + width}
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": exploration}, "constraints": [share]})
    choice = choose(use_case, _frame(make_frame, rows, seed), AS_OF, _situation(rows, seed, is_tied))
    assert low - 1e-8 <= choice.propensities[:, MAIL].mean() <= low + width + 1e-8


@pytest.mark.parametrize("seed", range(8))
def test_several_limits_together_cost_no_more_than_they_must(make_use_case, make_frame, seed):
    """Compared with the linear programme over all rows at once, which is too large for a real batch."""
    rows = 150
    frame, situation = _frame(make_frame, rows, seed), _situation(rows, seed, is_tied=seed % 2 == 0)
    limit = 0.05 * frame["spend"].sum()
    constraints = [
        _budget(limit),
        {"kind": "share", "action": "mail", "minimum": 0.2, "maximum": 0.3},
        {"kind": "share", "action": "call", "minimum": 0.25},
    ]
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}, "constraints": constraints})
    choice = choose(use_case, frame, AS_OF, situation)
    costs = action_costs(use_case, frame, use_case.policy.constraints[0])
    is_mail, is_call = (np.tile(np.eye(3)[a], (rows, 1)) for a in (MAIL, CALL))
    best = linprog(
        -situation.values.ravel(),
        A_ub=np.stack([part.ravel() for part in (costs, is_mail, -is_mail, -is_call)]),
        b_ub=np.array([limit, 0.3 * rows, -0.2 * rows, -0.25 * rows]),
        A_eq=np.kron(np.eye(rows), np.ones(3)),
        b_eq=np.ones(rows),
    )
    assert _expected_value(situation, choice) == pytest.approx(-best.fun, rel=1e-7)
    assert _expected_cost(use_case, frame, choice) <= limit * (1 + 1e-8)
    assert (choice.propensities.max(axis=1) < 1 - 1e-6).sum() <= rows * (0.5 if seed % 2 == 0 else 0.05)


def test_under_limits_too_the_order_of_rows_does_not_matter(make_use_case, make_frame):
    rows = 400
    use_case = make_use_case(policy={"constraints": [_budget(700.0)]})
    frame, situation = _frame(make_frame, rows, 7), _situation(rows, 7, is_tied=False)
    choice = choose(use_case, frame, AS_OF, situation)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(rows)
        shuffled = Situation(situation.values[order], situation.rules_action[order], has_model=True)
        again = choose(use_case, frame.iloc[order], AS_OF, shuffled)
        assert (again.propensities == choice.propensities[order]).all()
        assert again.prices == choice.prices


def test_the_price_of_a_budget_is_what_one_more_unit_would_earn(make_use_case, make_frame):
    frame, situation = _frame(make_frame, 500, 3), _situation(500, 3, is_tied=False)

    def chosen(limit):
        use_case = make_use_case(policy={"constraints": [_budget(limit)]})
        return choose(use_case, frame, AS_OF, situation)

    one, more = chosen(1000.0), chosen(1000.1)
    assert one.prices[0][0] == "cost of at most 1000 EUR"
    assert one.prices[0][1] == pytest.approx((_expected_value(situation, more) - _expected_value(situation, one)) / 0.1)
    assert chosen(1e9).prices[0][1] == 0


def test_the_holdout_and_the_rules_count_towards_a_budget(make_use_case, make_frame):
    frame, rows = make_frame(1000), 1000
    situation = Situation(np.tile([9.0, 0.0, 5.0], (rows, 1)), np.full(rows, MAIL), has_model=True)
    policy = {"holdout_share": 0.3, "exploration": {"kind": "uniform", "share": 0.1}, "constraints": [_budget(1500)]}
    use_case = make_use_case(policy=policy)
    choice = choose(use_case, frame, AS_OF, situation)
    assert _expected_cost(use_case, frame, choice) == pytest.approx(1500)


def test_a_limit_that_cannot_be_kept_is_named_with_what_could_be(make_use_case, make_frame):
    frame, situation = make_frame(100), Situation(np.zeros((100, 3)), np.full(100, NOTHING), has_model=True)
    # Exploration alone calls and mails 5 % each: 5 calls of 10 and 5 mails of 2
    use_case = make_use_case(policy={"constraints": [_budget(59.0)]})
    with pytest.raises(
        InfeasibleConstraints, match=r"policy\.constraints\.0 \(cost of at most 59 EUR\).* 60\."
    ) as caught:
        choose(use_case, frame, AS_OF, situation)
    assert "policy.constraints.1" not in str(caught.value)
    assert choose(make_use_case(policy={"constraints": [_budget(60.0)]}), frame, AS_OF, situation) is not None


def test_limits_that_contradict_each_other_are_named(make_use_case, make_frame):
    shares = [{"kind": "share", "action": name, "minimum": 0.6} for name in ("call", "mail")]
    use_case = make_use_case(policy={"constraints": shares})
    situation = Situation(np.zeros((50, 3)), np.full(50, NOTHING), has_model=True)
    with pytest.raises(
        InfeasibleConstraints, match=r"policy\.constraints\.\d \(share of \w+ of at least 0.6\).*reach is 0\."
    ):
        choose(use_case, make_frame(50), AS_OF, situation)


def test_a_budget_without_any_known_cost_is_an_error_and_not_free(make_use_case, make_frame):
    use_case = make_use_case(policy={"constraints": [_budget(100.0)]})
    situation = Situation(np.zeros((5, 3)), np.full(5, NOTHING), has_model=True)
    with pytest.raises(UnknownCost, match=r"policy\.constraints\.0\.cost: the cost of call"):
        choose(use_case, make_frame(5, spend=np.nan), AS_OF, situation)
