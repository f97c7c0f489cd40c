"""A model that is kept within its support departs from the rules only where both actions are supported."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.policy import agree_to_explore, choose, choose_part, plan_batch
from decisionloop.act.preference import actions_within_reach, preferred_action, reach_of
from decisionloop.act.situation import KILL_SWITCH, STANDING_IN, ChoiceError, Situation
from decisionloop.observe.cohort import is_policy_traffic

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)
UNEXPLORED = {"kind": "uniform", "share": 0.0}


def situation_of(rows: int, seed: int) -> Situation:
    random = np.random.default_rng(seed)
    return Situation(
        values=random.normal(size=(rows, 3)).round(1),
        rules_action=random.integers(0, 3, rows),
        has_model=True,
        supported=random.random((rows, 3)) < 0.6,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, Situation, dict[str, object]]:
    rows, seed = draw(st.integers(1, 60)), draw(st.integers(0, 2**32))
    policy: dict[str, object] = {
        "exploration": {"kind": "uniform", "share": draw(st.sampled_from([0.0, 0.3]))},
        "holdout_share": draw(st.sampled_from([0.0, 0.2])),
        "salt": str(seed),
    }
    situation = situation_of(rows, seed)
    if draw(st.booleans()):
        policy |= {"constraints": [{"kind": "share", "action": "mail", "maximum": 0.6}], "holdout_share": 0.0}
        situation.rules_action[situation.rules_action == MAIL] = NOTHING  # so that the limit can be kept by the rules
    return rows, situation, policy


@settings(max_examples=100, deadline=None)
@given(cases())
def test_outside_support_the_action_is_the_rules_and_exploring_aside_certain(make_use_case, make_frame, case):
    rows, situation, policy = case
    use_case = make_use_case(policy=policy | {"exploration": UNEXPLORED})
    choice = choose(use_case, make_frame(rows), AS_OF, situation)
    reach = actions_within_reach(situation.rules_action, situation.supported)
    row = np.arange(rows)
    assert reach[row, choice.action].all()
    np.testing.assert_array_equal(choice.action[choice.is_outside], situation.rules_action[choice.is_outside])
    departs = choice.action != situation.rules_action
    assert situation.supported[row, choice.action][departs].all()
    assert situation.supported[row, situation.rules_action][departs].all()
    bound = reach.sum(axis=1) == 1
    np.testing.assert_array_equal(choice.propensity[bound], 1.0)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 4))
def test_a_row_is_decided_alike_alone_in_parts_and_in_a_batch(make_use_case, make_frame, case, parts):
    rows, situation, policy = case
    use_case, frame = make_use_case(policy=policy), make_frame(rows)
    whole = choose(use_case, frame, AS_OF, situation)
    cuts = [index for index in np.array_split(np.arange(rows), parts) if len(index)]
    pieces = [(frame.iloc[one].reset_index(drop=True), _rows(situation, one)) for one in cuts]
    totals = BatchTotals.of(use_case, frame)
    exploring = agree_to_explore(use_case, AS_OF, totals, lambda: pieces)
    pieces = [(part, replace(known, exploring=exploring)) for part, known in pieces]
    agreed = plan_batch(use_case, AS_OF, totals, lambda: pieces)
    told = [choose_part(use_case, part, AS_OF, known, totals, agreed) for part, known in pieces]
    for name in ("action", "propensity", "role", "is_outside"):
        np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in told]), getattr(whole, name))
    if agreed is None:
        for index in range(min(rows, 5)):
            alone = choose(use_case, frame.iloc[[index]].reset_index(drop=True), AS_OF, _rows(situation, [index]))
            assert (alone.action[0], alone.role[0]) == (whole.action[index], whole.role[index])


@settings(max_examples=40, deadline=None)
@given(cases())
def test_where_everything_is_supported_nothing_changes(make_use_case, make_frame, case):
    rows, situation, policy = case
    use_case, frame = make_use_case(policy=policy), make_frame(rows)
    everywhere = choose(use_case, frame, AS_OF, replace(situation, supported=None))
    full = choose(use_case, frame, AS_OF, replace(situation, supported=np.ones((rows, 3), dtype=bool)))
    assert not full.is_outside.any()
    for name in ("action", "propensities", "role", "expected_value"):
        np.testing.assert_array_equal(getattr(full, name), getattr(everywhere, name))


@pytest.mark.parametrize("because", [KILL_SWITCH, f"{STANDING_IN}jump"])
def test_where_rules_decide_the_batch_support_has_no_say(make_use_case, make_frame, because):
    situation = replace(situation_of(300, 1), rules_because=because)
    use_case, frame = make_use_case(), make_frame(300)
    choice = choose(use_case, frame, AS_OF, situation)
    assert not choice.is_outside.any()
    np.testing.assert_array_equal(
        choice.propensities, choose(use_case, frame, AS_OF, replace(situation, supported=None)).propensities
    )


def test_it_explores_outside_support_too_and_that_is_policy_traffic_of_no_fault(make_use_case, make_frame):
    """Else what is unknown would stay so."""
    rows = 4000
    situation = Situation(
        np.tile([5.0, 0.0, 1.0], (rows, 1)),
        np.full(rows, NOTHING),
        has_model=True,
        supported=np.tile([False, True, False], (rows, 1)),
    )
    choice = choose(make_use_case(), make_frame(rows), AS_OF, situation)
    assert choice.is_outside.all()
    assert set(choice.role) == {"baseline", "exploration"}
    assert pd.isna(choice.fallback_reason).all()
    explored = choice.role == "exploration"
    assert explored.mean() == pytest.approx(0.1, abs=0.02)
    np.testing.assert_array_equal(choice.action[~explored], NOTHING)
    np.testing.assert_allclose(choice.propensity[~explored], 0.9)
    np.testing.assert_allclose(choice.propensity[explored], 0.05)
    log = pd.DataFrame({"role": choice.role, "fallback_reason": choice.fallback_reason})
    assert is_policy_traffic(log).all()


def test_the_best_of_what_is_supported_is_taken_where_the_very_best_is_not(make_use_case, make_frame):
    situation = Situation(
        np.array([[5.0, 0.0, 1.0]]), np.array([NOTHING]), has_model=True, supported=np.array([[False, True, True]])
    )
    choice = choose(make_use_case(policy={"exploration": UNEXPLORED}), make_frame(1), AS_OF, situation)
    assert (choice.action[0], choice.role[0], choice.is_outside[0]) == (MAIL, "champion", False)


def test_rules_that_no_outcome_speaks_of_are_not_departed_from(make_use_case, make_frame):
    """Leaving an action is a comparison with it: of what it brings in such a case nothing is known."""
    situation = Situation(
        np.array([[5.0, 0.0, -9.0]]), np.array([MAIL]), has_model=True, supported=np.array([[True, True, False]])
    )
    choice = choose(make_use_case(policy={"exploration": UNEXPLORED}), make_frame(1), AS_OF, situation)
    assert (choice.action[0], choice.role[0], choice.is_outside[0]) == (MAIL, "baseline", True)


def test_what_a_release_prefers_is_within_its_reach_and_within_what_is_allowed(make_use_case, make_frame):
    use_case = make_use_case(
        actions=[
            {"name": "call", "wording": "call", "reveals_outcome": True, "allowed_if": "spend > 50"},
            {"name": "nothing", "wording": "do nothing", "is_default": True, "reveals_outcome": False},
            {"name": "mail", "wording": "mail", "reveals_outcome": True},
        ]
    )
    frame, rules = make_frame(2, spend=[100.0, 10.0]), np.array([CALL, CALL])
    supported = np.array([[True, True, False]] * 2)
    reach = reach_of(use_case, frame, rules, supported)
    np.testing.assert_array_equal(reach, [[True, True, False]] * 2)  # who may not be called gets the default action
    values = np.tile([5.0, 1.0, 9.0], (2, 1))
    np.testing.assert_array_equal(preferred_action(use_case, frame, values, reach), [CALL, NOTHING])
    assert reach_of(use_case, frame, rules, None) is None


def test_support_of_another_batch_is_refused(make_use_case, make_frame):
    situation = replace(situation_of(3, 0), supported=np.ones((2, 3), dtype=bool))
    with pytest.raises(ChoiceError, match="supported has shape"):
        choose(make_use_case(), make_frame(3), AS_OF, situation)


def _rows(situation: Situation, index: object) -> Situation:
    return replace(
        situation,
        values=situation.values[index],
        rules_action=situation.rules_action[index],
        supported=situation.supported[index],
    )
