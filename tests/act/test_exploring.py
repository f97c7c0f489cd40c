"""Priced exploration: exact propensities within a budget, whatever decides, however the batch is cut."""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from decisionloop.act.constraints import BatchTotals, limits_of
from decisionloop.act.exploration.figures import ExploringFigures
from decisionloop.act.exploration.inverse_gap import gap_codes, gaps_of
from decisionloop.act.exploration.seen_money import BANDS, Cell, SeenMoney
from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.act.policy import agree_to_explore, choose, choose_part, limits_of_rules, plan_batch
from decisionloop.act.prices import InfeasibleConstraints
from decisionloop.act.situation import Situation
from decisionloop.learn.tried_otherwise import setting_of
from tests.examples import examples

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)
GROUPS = {"name": "sex", "groups": {"1": "men", "2": "women"}, "reference": "1", "minimum_group_size": 30}
SHARE = [{"kind": "share", "action": "mail", "maximum": 0.3}]


def _contract(make_use_case, budget=0.05, smallest=0.01, ratio=1000.0, constraints=(), **policy):
    exploration = {
        "kind": "priced",
        "budget_share": budget,
        "smallest_share": smallest,
        "largest_group_ratio": ratio,
    }
    return make_use_case(
        policy={"exploration": exploration, "holdout_share": 0.1, "constraints": list(constraints)} | policy,
        protected=[GROUPS],
        actions=[
            {"name": "call", "wording": "call", "reveals_outcome": True},
            {"name": "nothing", "wording": "do nothing", "is_default": True, "reveals_outcome": False},
            {"name": "mail", "wording": "mail", "reveals_outcome": True, "is_favourable": True},
        ],
    )


def _batch(make_frame, rows, seed, has_model=True, is_kept_within_support=False):
    rng = np.random.default_rng(seed)
    frame = make_frame(rows, spend=rng.exponential(50, rows).round(0) + 1).assign(
        sex=pd.Series(rng.choice(["1", "2", "x"], rows, p=[0.6, 0.3, 0.1]), dtype="str")
    )
    is_fallback = rng.random(rows) < 0.1
    allowed = rng.random((rows, 3)) < 0.9
    allowed[:, NOTHING] = True
    values = rng.normal(loc=[2.0, 0.0, 1.0], scale=2.0, size=(rows, 3))
    values[:, NOTHING] = 0.0
    return frame, Situation(
        values=values,
        rules_action=rng.integers(0, 3, rows),
        has_model=has_model,
        allowed=allowed,
        is_fallback=is_fallback,
        fallback_reason=np.where(is_fallback, "range: spend", "").astype(object),
        reason=rng.choice(np.array(["rich", "poor", "new"], dtype=object), rows),
        seen=_seen(rng),
        supported=rng.random((rows, 3)) < 0.7 if is_kept_within_support else None,
    )


def _seen(rng):
    """Some kinds seen often, some rarely, one never."""
    cells = []
    for action in ("call", "mail"):
        for is_rules in (True, False):
            for reason in ("rich", "poor"):
                n = float(rng.integers(0, 400))
                cells.append(Cell(action, is_rules, reason, BANDS, n, n, n * 4 * rng.random(), n * 4))
    return SeenMoney(tuple(cells))


def _rows(situation, where):
    arrays = {f.name: getattr(situation, f.name) for f in fields(situation)}
    return replace(situation, **{name: a[where] for name, a in arrays.items() if isinstance(a, np.ndarray)})


def _in_parts(use_case, frame, situation, cuts):
    ends = zip([0, *cuts], [*cuts, len(frame)], strict=True)
    parts = [(frame.iloc[a:b].reset_index(drop=True), _rows(situation, slice(a, b))) for a, b in ends if b > a]
    totals = functools.reduce(operator.add, [BatchTotals.of(use_case, part) for part, _ in parts])
    exploring = agree_to_explore(use_case, AS_OF, totals, lambda: iter(parts))
    exploring_parts = [(part, replace(known, exploring=exploring)) for part, known in parts]
    limits = limits_of_rules(use_case, AS_OF, totals, lambda: iter(exploring_parts))
    plan = plan_batch(use_case, AS_OF, totals, lambda: iter(exploring_parts))
    chosen = [
        choose_part(use_case, part, AS_OF, replace(known, limits=limits), totals, plan)
        for part, known in exploring_parts
    ]
    return exploring, chosen


BATCH = {"rows": st.integers(2, 120), "seed": st.integers(0, 2**32), "has_model": st.booleans()}
TERMS = {
    "budget": st.sampled_from([1e-4, 0.01, 0.1, 1.0]),
    "smallest": st.sampled_from([0.0, 0.01, 0.1]),
    "ratio": st.sampled_from([1.0, 1.25, 1000.0]),
    "is_limited": st.booleans(),
}


@examples(12)
@given(**BATCH, **TERMS)
def test_propensities_are_a_distribution_with_no_evidence_below_the_floor(
    make_use_case, make_frame, rows, seed, has_model, budget, smallest, ratio, is_limited
):
    use_case = _contract(make_use_case, budget, smallest, ratio, SHARE if is_limited else ())
    frame, situation = _batch(make_frame, rows, seed, has_model)
    try:
        choice = choose(use_case, frame, AS_OF, situation)
    except InfeasibleConstraints:
        assume(False)
    chances = choice.propensities
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    assert (chances >= 0).all()
    assert (chances[~situation.allowed] == 0).all()
    assert (choice.propensity == chances[np.arange(rows), choice.action]).all()
    fixed = situation.is_fallback | (choice.role == "holdout")
    np.testing.assert_allclose(chances[fixed].max(axis=1), 1.0, rtol=0, atol=1e-12)
    explored = choice.role == "exploration"
    assert (choice.action[explored] != NOTHING).all()
    if not is_limited or not has_model:  # without a mixture every chance is an alternative's own
        small = np.sort(chances, axis=1)[:, :-1]
        assert ((small == 0) | (small >= PROPENSITY_FLOOR)).all()
        assert (small.sum(axis=1) <= 0.2 + 1e-12).all()


@examples(12)
@given(**BATCH, **TERMS, places=st.lists(st.integers(1, 119), max_size=3, unique=True))
def test_parts_and_any_order_of_rows_agree_to_the_bit(
    make_use_case, make_frame, rows, seed, has_model, budget, smallest, ratio, is_limited, places
):
    """Where limits bind, sums over parts may differ in the last place, as without exploring: there it is not asked."""
    loose = [{"kind": "share", "action": "mail", "maximum": 0.999}] if is_limited and has_model else ()
    use_case = _contract(make_use_case, budget, smallest, ratio, loose)
    frame, situation = _batch(make_frame, rows, seed, has_model, is_kept_within_support=seed % 2 == 1)
    try:
        whole, (all_rows,) = _in_parts(use_case, frame, situation, [])
    except InfeasibleConstraints:  # of a few rows, all of which the rules decide, all may be mail
        assume(False)
    agreed, chosen = _in_parts(use_case, frame, situation, sorted(place for place in places if place < rows))
    order = np.random.default_rng(seed).permutation(rows)
    shuffled, (mixed,) = _in_parts(use_case, frame.iloc[order].reset_index(drop=True), _rows(situation, order), [])
    assert agreed.figures == whole.figures == shuffled.figures
    together = np.concatenate([one.propensities for one in chosen])
    np.testing.assert_array_equal(together, all_rows.propensities)
    np.testing.assert_array_equal(mixed.propensities, all_rows.propensities[order])
    np.testing.assert_array_equal(mixed.action, all_rows.action[order])


@settings(max_examples=40, deadline=None)
@given(**BATCH, budget=TERMS["budget"])
def test_what_exploring_is_expected_to_lose_keeps_to_the_budget(
    make_use_case, make_frame, rows, seed, has_model, budget
):
    use_case = _contract(make_use_case, budget, smallest=0.0)
    frame, situation = _batch(make_frame, rows, seed, has_model)
    agreed, (choice,) = _in_parts(use_case, frame, situation, [])
    figures = agreed.figures
    assert figures.budget == pytest.approx(budget * figures.value_expected)
    assert figures.cost <= figures.budget * (1 + 1e-9)
    alternatives = choice.propensities.copy()
    alternatives[np.arange(rows), choice.propensities.argmax(axis=1)] = 0
    assert figures.explored == pytest.approx(alternatives.sum())
    if has_model:  # a model's point estimate never prices higher than the gap that was used
        lost = choice.propensities * (situation.values.max(axis=1, where=situation.allowed, initial=-9)[:, None])
        lost -= choice.propensities * situation.values
        free = ~(situation.is_fallback | (choice.role == "holdout"))
        assert np.where(situation.allowed, lost, 0)[free].sum() <= figures.cost * (1 + 1e-9) + 1e-9


def test_a_budget_that_does_not_bind_explores_with_the_largest_share(make_use_case, make_frame):
    frame, situation = _batch(make_frame, 400, 1)
    use_case = _contract(make_use_case, budget=1.0, smallest=0.0)
    values = situation.values * [1, 0, 1] * 1e-9 + [5.0, 0.0, 5.0]
    agreed, (choice,) = _in_parts(use_case, frame, replace(situation, values=values, seen=_well_seen(0.9)), [])
    assert agreed.figures.gamma == 0
    assert agreed.figures.is_budget_left
    assert setting_of(use_case.policy.exploration, is_budget_left=True) == "policy.exploration.largest_share (now 0.2)"
    free = ~(situation.is_fallback | (choice.role == "holdout")) & situation.allowed.all(axis=1)
    assert choice.propensities[free].min(axis=1, where=[True, False, True], initial=1) == pytest.approx(0.2)


def test_where_nothing_can_be_tried_no_share_keeps_it_down(make_use_case, make_frame):
    frame, situation = _batch(make_frame, 50, 1)
    alone = np.zeros_like(situation.allowed)
    alone[:, 0] = True
    agreed, _ = _in_parts(_contract(make_use_case, budget=1.0), frame, replace(situation, allowed=alone), [])
    told = agreed.figures
    assert (told.budget > 0, told.gamma) == (True, 0)
    assert (told.explored, told.is_budget_left) == (0, False)


def _well_seen(place):
    many = 1e6
    kinds = [(a, own, why) for a in ("call", "mail") for own in (True, False) for why in ("rich", "poor", "new")]
    return SeenMoney(tuple(Cell(*kind, BANDS, many, many, place * many * 5, many * 5) for kind in kinds))


@pytest.mark.parametrize("has_model", [True, False])
def test_a_kind_that_nobody_has_seen_gets_a_look_and_one_that_surely_loses_gets_none(
    make_use_case, make_frame, has_model
):
    rows, n = 3000, 1e5
    frame, situation = _batch(make_frame, rows, 3, has_model)
    is_rich = situation.reason == "rich"
    loses = [Cell(action, False, "poor", BANDS, n, n, 0.0, 5 * n) for action in ("call", "mail")]
    earns = Cell("call", True, "rich", BANDS, n, n, 5 * n, 5 * n)
    situation = replace(
        situation,
        seen=SeenMoney((*loses, earns)),
        rules_action=np.where(is_rich, CALL, NOTHING),
        values=np.where(is_rich[:, None], [5.0, 0.0, -5.0], [-5.0, 0.0, -5.0]),
        allowed=None,
        is_fallback=None,
        fallback_reason=None,
    )
    frame = frame.assign(channel=pd.Series("shop", index=frame.index, dtype="str"), spend=100.0)
    choice = choose(_contract(make_use_case, 0.0005, 0.01), frame, AS_OF, situation)
    free, explored = choice.role != "holdout", 1 - choice.propensities[:, NOTHING]
    assert (explored[free & (situation.reason == "poor")] == 0).all()
    assert (explored[free & (situation.reason == "new")] > PROPENSITY_FLOOR).all()
    assert (explored[~free & ~is_rich] == 0).all()


def test_before_anything_is_seen_looks_are_bounded_by_ten_budgets_at_their_worst(make_use_case, make_frame):
    use_case = _contract(make_use_case, budget=1e-3, smallest=0.05)
    frame, situation = _batch(make_frame, 1000, 5, has_model=False)
    agreed, (choice,) = _in_parts(use_case, frame, replace(situation, seen=SeenMoney()), [])
    figures = agreed.figures
    assert 0 < figures.share <= 2 * 0.05
    assert figures.budget < figures.cost
    assert 0 < figures.look_cost <= 10 * figures.budget * (1 + 1e-9)
    assert figures.cost - figures.look_cost <= figures.budget * (1 + 1e-9)  # what the budget pays keeps to it
    assert ExploringFigures.from_json(figures.to_json()) == figures
    assert (choice.role == "exploration").any()


def test_outside_its_support_a_model_prices_nothing(make_use_case, make_frame):
    """It was taught by nobody like these: only what has been seen says what trying another action may lose."""
    frame, one = _batch(make_frame, 2000, 6)
    outside = replace(one, supported=np.zeros((2000, 3), dtype=bool))
    other = replace(outside, values=-3.0 * one.values)
    use_case = _contract(make_use_case, 0.01, 0.01)
    told, again = (choose(use_case, frame, AS_OF, situation) for situation in (outside, other))
    assert (told.propensities == again.propensities).all()
    assert (told.role == "exploration").any()
    assert (choose(use_case, frame, AS_OF, one).propensities != told.propensities).any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), has_model=st.booleans(), ratio=st.sampled_from([1.0, 1.1, 1.25]))
def test_no_protected_group_is_explored_more_than_the_contract_allows(
    make_use_case, make_frame, seed, has_model, ratio
):
    use_case = _contract(make_use_case, 0.1, 0.02, ratio)
    frame, situation = _batch(make_frame, 300, seed, has_model)
    agreed, (choice,) = _in_parts(use_case, frame, situation, [])
    everybody = agreed.figures.share
    explored = choice.propensities.copy()
    explored[np.arange(300), choice.propensities.argmax(axis=1)] = 0
    for group in agreed.figures.groups:
        own = explored[(frame["sex"] == group.group).to_numpy()].sum()
        assert group.explored == pytest.approx(own)
        if group.rows >= 30:
            assert group.share <= ratio * everybody * (1 + 1e-6)


def test_frequencies_are_the_propensities(make_use_case, make_frame):
    kinds, copies, salts = 40, 10, 60
    rows, times = kinds * copies, copies * salts
    few, situation = _batch(make_frame, kinds, 11)
    like = np.tile(np.arange(kinds), copies)  # all copies of a row are one case
    frame = few.iloc[like].reset_index(drop=True).assign(client_id=make_frame(rows)["client_id"])
    situation = _rows(situation, like)
    counts, expected = np.zeros((rows, 3)), None
    for salt in range(salts):
        use_case = _contract(make_use_case, 0.1, 0.05, holdout_share=0.0, salt=str(salt))
        choice = choose(use_case, frame, AS_OF, situation)
        counts[np.arange(rows), choice.action] += 1
        expected = choice.propensities if expected is None else expected
        np.testing.assert_array_equal(choice.propensities, expected)
    np.testing.assert_allclose(expected, np.tile(expected[:kinds], (copies, 1)), rtol=1e-12)
    counts, expected = counts.reshape(copies, kinds, 3).sum(axis=0), expected[:kinds]
    error = np.sqrt(np.maximum(expected * (1 - expected), 1e-4) / times)
    assert (np.abs(counts / times - expected) < 5 * error).all()


def test_limits_hold_with_what_is_explored(make_use_case, make_frame):
    use_case = _contract(make_use_case, 0.2, 0.05, constraints=SHARE)
    frame, situation = _batch(make_frame, 500, 13)
    situation = replace(situation, allowed=None, is_fallback=None, fallback_reason=None)
    choice = choose(use_case, frame, AS_OF, situation)
    for limit in limits_of(use_case, frame):
        assert (choice.propensities * limit.coefficient).sum() <= limit.bound + 1e-6


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e15), min_size=1))
def test_a_gap_is_rounded_up_and_by_no_more_than_a_sixty_fourth(gaps):
    exact = np.array(gaps)
    rounded = gaps_of(gap_codes(exact))
    assert (rounded >= exact).all()
    assert (rounded <= np.maximum(exact * (1 + 1 / 64), 2.0**-39)).all()
    assert math.isinf(gaps_of(gap_codes(np.array([np.inf])))[0])


def test_who_does_nothing_for_everybody_explores_by_what_may_be_brought_by_others_as_far_as_is_known(
    make_use_case, make_frame
):
    """Nothing is preferred and brings nothing; of so many who were called or got mail 30 % bought, or nobody did."""
    use_case = _contract(make_use_case, budget=0.01)
    frame, situation = _batch(make_frame, 400, 3, has_model=False)
    idle = replace(
        situation,
        rules_action=np.full(400, NOTHING),
        reason=np.full(400, "rich", dtype=object),
        allowed=np.ones((400, 3), dtype=bool),
    )
    budgets = []
    for seen, bought in ((400.0, 0.3), (400.0, 0.0), (40_000.0, 0.0)):
        cells = [Cell(one, False, "rich", BANDS, seen, seen, bought * seen, seen) for one in ("call", "mail")]
        agreed, _ = _in_parts(use_case, frame, replace(idle, seen=SeenMoney(tuple(cells))), [100])
        budgets.append(agreed.figures.budget)
    assert budgets[0] > 10 * budgets[1] > 100 * budgets[2] > 0
