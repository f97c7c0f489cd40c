"""A batch that is chosen for part by part gets the actions that it would get in one piece."""

from __future__ import annotations

import functools
import operator
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.act.constraints import BatchTotals, UnknownCost, limits_of
from decisionloop.act.economics import action_costs
from decisionloop.act.guardrails import Tally, guard_after
from decisionloop.act.policy import agree_to_explore, choose, choose_part, plan_batch
from decisionloop.act.situation import Situation
from tests.examples import examples

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)
LOOSE = [
    {"kind": "budget", "cost": {"call": "0.1 * spend", "mail": "2"}, "limit": 1e9},
    {"kind": "share", "action": "mail", "maximum": 0.99},
]


def _batch(make_frame, rows, seed):
    """Clients with faults, missing spend and actions that are not for everyone."""
    rng = np.random.default_rng(seed)
    spend = rng.exponential(50, rows).round(0) + 1
    spend[rng.random(rows) < 0.1] = np.nan
    allowed = rng.random((rows, 3)) < 0.9
    allowed[:, NOTHING] = True
    values = rng.normal(loc=[2.0, 0.0, 1.0], scale=2.0, size=(rows, 3))
    values[rng.random(rows) < 0.05] = np.nan
    is_fallback = rng.random(rows) < 0.1
    situation = Situation(
        values=values,
        rules_action=rng.integers(0, 3, rows),
        has_model=True,
        allowed=allowed,
        is_fallback=is_fallback,
        fallback_reason=np.where(is_fallback, "range: spend", "").astype(object),
    )
    return make_frame(rows, spend=spend), situation


def _cut(frame, situation, cuts):
    ends = zip([0, *cuts], [*cuts, len(frame)], strict=True)
    return [(frame.iloc[a:b].reset_index(drop=True), _rows(situation, slice(a, b))) for a, b in ends if b > a]


def _rows(situation, where):
    arrays = {f.name: getattr(situation, f.name) for f in fields(situation)}
    return replace(situation, **{name: a[where] for name, a in arrays.items() if isinstance(a, np.ndarray)})


def _in_parts(use_case, parts):
    """The choices of the parts, whose totals and prices were agreed on."""
    totals = functools.reduce(operator.add, [BatchTotals.of(use_case, frame) for frame, _ in parts])
    exploring = agree_to_explore(use_case, AS_OF, totals, lambda: iter(parts))
    parts = [(frame, replace(situation, exploring=exploring)) for frame, situation in parts]
    agreed = plan_batch(use_case, AS_OF, totals, lambda: iter(parts))
    return totals, [choose_part(use_case, frame, AS_OF, situation, totals, agreed) for frame, situation in parts]


def _assert_same(choices, whole):
    for field in ("action", "propensity", "propensities", "role", "expected_value", "fallback_reason"):
        told = np.concatenate([getattr(choice, field) for choice in choices])
        np.testing.assert_array_equal(told, getattr(whole, field), err_msg=field)


BATCHES = {
    "rows": st.integers(2, 80),
    "seed": st.integers(0, 2**32),
    "places": st.lists(st.integers(1, 79), max_size=4, unique=True),
}


def _cuts(places, rows):
    return sorted(place for place in places if place < rows)


@settings(max_examples=60, deadline=None)
@given(**BATCHES, is_loose=st.booleans(), is_killed=st.booleans(), has_model=st.booleans())
def test_parts_choose_as_the_whole_where_no_limit_binds(
    make_use_case, make_frame, rows, seed, places, is_loose, is_killed, has_model
):
    use_case = make_use_case(
        policy={
            "exploration": {"kind": "uniform", "share": 0.3},
            "holdout_share": 0.1,
            "constraints": LOOSE if is_loose else [],
        }
    )
    frame, situation = _batch(make_frame, rows, seed)
    frame.loc[0, "spend"] = 7.0
    situation = replace(situation, rules_because="kill switch" if is_killed else "", has_model=has_model)
    whole = choose(use_case, frame, AS_OF, situation)
    _, choices = _in_parts(use_case, _cut(frame, situation, _cuts(places, rows)))
    _assert_same(choices, whole)


@examples(10)
@given(**BATCHES, fraction=st.floats(0.3, 0.95), share=st.floats(0.3, 0.9))
def test_limits_hold_over_all_parts_at_no_greater_loss(make_use_case, make_frame, rows, seed, places, fraction, share):
    frame, situation = _batch(make_frame, rows, seed)
    frame = frame.assign(spend=frame["spend"].fillna(50.0))
    situation = replace(situation, values=np.nan_to_num(situation.values), is_fallback=None, fallback_reason=None)
    situation = replace(situation, allowed=None)
    budget = {"kind": "budget", "cost": {"call": "0.1 * spend", "mail": "2"}, "limit": 1e9}
    plain = {"exploration": {"kind": "uniform", "share": 0.1}}
    free = choose(make_use_case(policy=plain), frame, AS_OF, situation)
    unbound = make_use_case(policy=plain | {"constraints": [budget]})
    least = 0.1 * action_costs(unbound, frame, unbound.policy.constraints[0]).max(axis=1).sum()
    spent = (free.propensities * action_costs(unbound, frame, unbound.policy.constraints[0])).sum()
    limit = max(fraction * spent, least)
    use_case = make_use_case(
        policy=plain
        | {"constraints": [budget | {"limit": limit}, {"kind": "share", "action": "mail", "maximum": max(share, 0.2)}]}
    )
    whole = choose(use_case, frame, AS_OF, situation)
    parts = _cut(frame, situation, _cuts(places, rows))
    _, choices = _in_parts(use_case, parts)
    chances = np.concatenate([choice.propensities for choice in choices])
    costs = action_costs(use_case, frame, use_case.policy.constraints[0])
    assert (chances * costs).sum() <= limit + 1e-6 * costs.max(axis=1).sum()
    assert chances[:, MAIL].sum() <= max(share, 0.2) * rows + 1e-6 * rows
    earned, expected = ((c * situation.values).sum() for c in (chances, whole.propensities))
    assert earned == pytest.approx(expected, abs=1e-6 * np.abs(situation.values).max(axis=1).sum())
    action = np.concatenate([choice.action for choice in choices])
    propensity = np.concatenate([choice.propensity for choice in choices])
    np.testing.assert_array_equal(propensity, chances[np.arange(rows), action])


@settings(max_examples=20, deadline=None)
@given(**BATCHES)
def test_the_order_in_which_parts_are_computed_changes_nothing(make_use_case, make_frame, rows, seed, places):
    """The plan reads the parts in their order; from then on each part is by itself."""
    frame, situation = _batch(make_frame, rows, seed)
    frame = frame.assign(spend=frame["spend"].fillna(50.0))
    tight = [{"kind": "share", "action": "mail", "maximum": 0.6}]
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.1}, "constraints": tight})
    parts = _cut(frame, situation, _cuts(places, rows))
    totals = functools.reduce(operator.add, [BatchTotals.of(use_case, part) for part, _ in parts])
    exploring = agree_to_explore(use_case, AS_OF, totals, lambda: iter(parts))
    parts = [(part, replace(known, exploring=exploring)) for part, known in parts]
    plans = [plan_batch(use_case, AS_OF, totals, lambda: iter(parts)) for _ in range(2)]
    forward = [choose_part(use_case, part, AS_OF, known, totals, plans[0]) for part, known in parts]
    backward = [choose_part(use_case, part, AS_OF, known, totals, plans[1]) for part, known in parts[::-1]]
    for one, other in zip(forward, backward[::-1], strict=True):
        _assert_same([one], other)


def test_an_unknown_cost_in_a_part_is_the_largest_of_the_whole_batch(make_use_case, make_frame):
    use_case = make_use_case(policy={"constraints": LOOSE[:1]})
    frame = make_frame(4, spend=[np.nan, np.nan, 30.0, 900.0])
    parts = [frame.iloc[:2].reset_index(drop=True), frame.iloc[2:].reset_index(drop=True)]
    totals = BatchTotals.of(use_case, parts[0]) + BatchTotals.of(use_case, parts[1])
    (limit,) = limits_of(use_case, parts[0], totals)
    np.testing.assert_array_equal(limit.coefficient, [[90.0, 0.0, 2.0]] * 2)
    with pytest.raises(UnknownCost, match="unknown for every row of the batch"):
        limits_of(use_case, parts[0])


@settings(max_examples=40, deadline=None)
@given(**BATCHES)
def test_guardrails_see_the_batch_that_its_parts_add_up_to(make_use_case, make_frame, rows, seed, places):
    use_case = make_use_case(
        policy={"constraints": LOOSE[:1]},
        guardrails={"action_share": {"call": [0.2, 0.4], "mail": [0.1, 0.3]}, "maximum_cost": 100.0},
    )
    frame, situation = _batch(make_frame, rows, seed)
    frame.loc[0, "spend"] = 7.0
    action = np.random.default_rng(seed).integers(0, 3, rows)
    parts = _cut(frame, situation, _cuts(places, rows))
    totals = functools.reduce(operator.add, [BatchTotals.of(use_case, part) for part, _ in parts])
    start, tallies = 0, []
    for part, _ in parts:
        tallies.append(Tally.of(use_case, part, action[start : start + len(part)], totals))
        start += len(part)
    merged, whole = functools.reduce(operator.add, tallies), Tally.of(use_case, frame, action)
    assert totals.rows == rows
    assert merged.actions == whole.actions
    assert merged.costs == pytest.approx(whole.costs, rel=1e-12)
    told, expected = guard_after(use_case, merged), guard_after(use_case, whole)
    assert [(one.name, one.is_violated) for one in told] == [(one.name, one.is_violated) for one in expected]
