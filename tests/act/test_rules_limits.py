"""Where the rules would exceed a limit on shares or cost, rows drawn at random take the default action instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.guardrails import Tally, guard_after
from decisionloop.act.policy import choose, choose_part, limits_of_rules
from decisionloop.act.situation import KILL_SWITCH, Situation

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
CALL, NOTHING, MAIL = range(3)
BUDGET = {"kind": "budget", "cost": {"call": "4", "mail": "1"}, "limit": 1e9}


def _ruled(rows: int, action: int | np.ndarray, reason: str = "", has_model: bool = False) -> Situation:
    return Situation(np.full((rows, 3), np.nan), np.broadcast_to(action, rows).copy(), has_model, reason)


@pytest.mark.parametrize("reason", ["", KILL_SWITCH])
def test_rows_in_excess_of_a_largest_share_take_the_default_action(make_use_case, make_frame, reason):
    use_case = make_use_case(
        policy={"exploration": {"kind": "uniform", "share": 0.0}}, guardrails={"action_share": {"call": [0.0, 0.6]}}
    )
    choice = choose(use_case, make_frame(500), AS_OF, _ruled(500, CALL, reason, bool(reason)))
    assert np.bincount(choice.action, minlength=3).tolist() == [300, 200, 0]
    is_cut = choice.action == NOTHING
    assert choice.propensity[is_cut] == pytest.approx(0.4)
    assert choice.propensity[~is_cut] == pytest.approx(0.6)
    words = "limit: largest share of call"
    assert set(choice.fallback_reason[is_cut]) == {f"{reason}; {words}" if reason else words}
    assert set(choice.fallback_reason[~is_cut]) == {reason or None}
    assert set(choice.role) == {"baseline"}


def test_rows_in_excess_of_a_largest_cost_take_the_default_action(make_use_case, make_frame):
    use_case = make_use_case(
        policy={"exploration": {"kind": "uniform", "share": 0.0}, "constraints": [BUDGET]},
        guardrails={"maximum_cost": 700.0},
    )
    frame = make_frame(500)
    rules = np.where(np.arange(500) % 2, CALL, MAIL)
    choice = choose(use_case, frame, AS_OF, _ruled(500, rules))
    tally = Tally.of(use_case, frame, choice.action)
    assert 700 - 4 <= tally.costs[0] <= 700
    assert not [finding for finding in guard_after(use_case, tally) if finding.is_violated]
    assert set(choice.fallback_reason[choice.action != rules]) == {"limit: largest cost"}


def test_a_draw_is_the_same_whatever_the_order_of_rows(make_use_case, make_frame):
    use_case, frame = make_use_case(guardrails={"action_share": {"call": [0.0, 0.5]}}), make_frame(80)
    order = np.random.default_rng(3).permutation(80)
    one = choose(use_case, frame, AS_OF, _ruled(80, CALL))
    other = choose(use_case, frame.iloc[order].reset_index(drop=True), AS_OF, _ruled(80, CALL))
    assert (other.action == one.action[order]).all()


def test_where_the_default_action_is_forbidden_the_rules_choice_stands(make_use_case, make_frame):
    use_case = make_use_case(
        policy={"exploration": {"kind": "uniform", "share": 0.0}}, guardrails={"action_share": {"call": [0.0, 0.5]}}
    )
    allowed = np.tile([True, False, True], (40, 1))
    choice = choose(use_case, make_frame(40), AS_OF, replace(_ruled(40, CALL), allowed=allowed))
    assert set(choice.action) == {CALL}
    assert (choice.propensity == 1).all()


def test_the_default_action_and_a_smallest_share_cut_nobody(make_use_case, make_frame):
    shares = {"action_share": {"nothing": [0.0, 0.2], "mail": [0.5, 1.0]}}
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}}, guardrails=shares)
    choice = choose(use_case, make_frame(60), AS_OF, _ruled(60, NOTHING))
    assert set(choice.action) == {NOTHING}
    assert set(choice.fallback_reason) == {None}


def test_exploring_rules_keep_the_limits_too(make_use_case, make_frame):
    """What rules never choose is drawn to learn from; it counts like everything else that would be done."""
    use_case = make_use_case(
        policy={"exploration": {"kind": "uniform", "share": 0.4}, "holdout_share": 0.0},
        guardrails={"action_share": {"call": [0.0, 0.1]}},
    )
    choice = choose(use_case, make_frame(1000), AS_OF, _ruled(1000, MAIL))
    shares = np.bincount(choice.action, minlength=3) / 1000
    assert shares[CALL] == 0.1
    assert set(choice.role[choice.action == CALL]) == {"exploration"}
    assert choice.propensities.sum(axis=1) == pytest.approx(np.ones(1000))
    assert choice.propensities[:, CALL].mean() == pytest.approx(0.1, abs=0.02)
    is_cut = choice.fallback_reason == "limit: largest share of call"
    assert is_cut.any()
    assert set(choice.action[is_cut]) == {NOTHING}


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 60),
    seed=st.integers(0, 999),
    largest=st.floats(0, 1),
    most=st.floats(0, 100),
    places=st.lists(st.integers(1, 59), max_size=3),
)
def test_parts_together_keep_the_limits_as_the_whole(make_use_case, make_frame, rows, seed, largest, most, places):
    use_case = make_use_case(
        policy={"exploration": {"kind": "uniform", "share": 0.0}, "holdout_share": 0.2, "constraints": [BUDGET]},
        guardrails={"action_share": {"call": [0.0, largest]}, "maximum_cost": most},
    )
    frame = make_frame(rows)
    situation = _ruled(rows, np.random.default_rng(seed).integers(0, 3, rows))
    whole = choose(use_case, frame, AS_OF, situation)
    edges = sorted({0, rows, *(place for place in places if place < rows)})
    parts = [
        (frame.iloc[a:b].reset_index(drop=True), _ruled(b - a, situation.rules_action[a:b])) for a, b in pairwise(edges)
    ]
    totals = sum((BatchTotals.of(use_case, one) for one, _ in parts[1:]), BatchTotals.of(use_case, parts[0][0]))
    limits = limits_of_rules(use_case, AS_OF, totals, lambda: parts)
    chosen = [choose_part(use_case, f, AS_OF, replace(s, limits=limits), totals, None) for f, s in parts]
    assert (np.concatenate([one.action for one in chosen]) == whole.action).all()
    assert np.concatenate([one.propensity for one in chosen]) == pytest.approx(whole.propensity)
    tally = Tally.of(use_case, frame, whole.action)
    assert tally.actions[CALL] <= largest * rows + 1e-6
    assert tally.costs[0] <= most + 1e-6
    assert whole.propensities.sum(axis=1) == pytest.approx(np.ones(rows))
    assert pd.isna(whole.fallback_reason[whole.action == situation.rules_action]).all()
