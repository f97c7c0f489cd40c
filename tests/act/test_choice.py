"""The policy: greedy with exploration, a holdout on the rules, and a propensity that is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from decisionloop.act.canary import Canary, OnTrial
from decisionloop.act.draws import in_holdout
from decisionloop.act.policy import choose, salt_of
from decisionloop.act.situation import KILL_SWITCH, NO_VALUE, ROW_FAULT, ChoiceError, Situation
from tests.examples import examples

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)


def _situation(rows: int, seed: int = 0, **changes: object) -> Situation:
    random = np.random.default_rng(seed)
    given = {
        "values": random.normal(size=(rows, 3)).round(1),
        "rules_action": random.integers(0, 3, rows),
        "has_model": True,
    }
    return Situation(**(given | changes))


@st.composite
def situations(draw: st.DrawFn) -> tuple[int, Situation, dict[str, object]]:
    rows, seed = draw(st.integers(1, 40)), draw(st.integers(0, 2**32))
    random = np.random.default_rng(seed)
    allowed = random.random((rows, 3)) < 0.7
    allowed[np.arange(rows), random.integers(0, 3, rows)] = True
    policy = {
        "exploration": {"kind": "uniform", "share": draw(st.sampled_from([0.0, 0.05, 0.5]))},
        "holdout_share": draw(st.sampled_from([0.0, 0.2])),
        "salt": str(seed),
    }
    if draw(st.booleans()):
        share = {"kind": "share", "action": "mail", "maximum": draw(st.sampled_from([0.6, 0.8, 0.95]))}
        policy["constraints"] = [share]
        policy["holdout_share"] = 0.0
        allowed[:, NOTHING] = True
    on_trial = random.normal(size=(rows, 3)).round(1)
    on_trial[random.random(rows) < 0.1] = np.nan
    bid = Canary(OnTrial("test/gb/1", draw(st.sampled_from([0.0, 0.25, 1.0]))), on_trial)
    situation = _situation(
        rows,
        seed,
        canary=draw(st.sampled_from([None, bid])),
        has_model=draw(st.booleans()),
        rules_because=draw(st.sampled_from(["", "", "", KILL_SWITCH])),
        allowed=allowed,
        is_fallback=random.random(rows) < 0.1 if "constraints" not in policy else None,
    )
    return rows, situation, policy


@examples(50)
@given(situations())
def test_propensities_are_a_distribution_over_what_is_allowed(make_use_case, make_frame, case):
    rows, situation, policy = case
    use_case = make_use_case(policy=policy)
    choice = choose(use_case, make_frame(rows), AS_OF, situation)
    row = np.arange(rows)
    assert choice.propensities.sum(axis=1) == pytest.approx(np.ones(rows))
    assert (choice.propensities >= 0).all()
    assert (choice.propensities[~situation.allowed] == 0).all()
    assert (choice.propensity == choice.propensities[row, choice.action]).all()
    assert (choice.propensity > 0).all()
    is_free = (choice.role != "holdout") & pd.isna(choice.fallback_reason)
    assert (choice.propensity[~is_free] == 1).all()
    if use_case.policy.exploration.share > 0:
        teaches = situation.allowed & np.array(use_case.revealing)
        assert (choice.propensities > 0)[is_free][teaches[is_free]].all()
        # What reveals no outcome is taken when it is best, and never to learn from it.
        silent = choice.propensities[is_free][:, ~np.array(use_case.revealing)]
        share = use_case.policy.exploration.share
        is_mixed = (bool(use_case.policy.constraints) & situation.has_model) or situation.canary is not None
        assert is_mixed or (np.isclose(silent, 0) | np.isclose(silent, 1 - share) | np.isclose(silent, 1)).all()


@settings(max_examples=50, deadline=None)
@given(situations(), st.integers(0, 2**32))
def test_a_re_run_repeats_the_choice_and_the_order_of_rows_does_not_matter(make_use_case, make_frame, case, seed):
    rows, situation, policy = case
    use_case, frame = make_use_case(policy=policy), make_frame(rows)
    choice = choose(use_case, frame, AS_OF, situation)
    order = np.random.default_rng(seed).permutation(rows)
    shuffled = Situation(
        situation.values[order],
        situation.rules_action[order],
        situation.has_model,
        situation.rules_because,
        None,
        situation.allowed[order],
        None if situation.is_fallback is None else situation.is_fallback[order],
        canary=situation.canary and replace(situation.canary, values=situation.canary.values[order]),
    )
    for again, expected in (
        (choose(use_case, frame, AS_OF, situation), np.arange(rows)),
        (choose(use_case, frame.iloc[order], AS_OF, shuffled), order),
    ):
        assert (again.action == choice.action[expected]).all()
        assert (again.propensities == choice.propensities[expected]).all()
        assert (again.role == choice.role[expected]).all()


@pytest.mark.parametrize("maximum", [1.0, 0.3], ids=["free", "rationed"])
def test_frequencies_match_propensities(make_use_case, make_frame, maximum):
    kinds, copies, salts = 12, 10, 20
    rows = kinds * copies
    share = [{"kind": "share", "action": "call", "maximum": maximum}] if maximum < 1 else []
    frame = make_frame(rows)
    values = np.tile([3.0, 1.0, 2.0], (rows, 1))  # all rows tie, so a ration must be drawn among them
    allowed = np.ones((rows, 3), dtype=bool)
    allowed[::kinds, MAIL] = False
    situation = _situation(rows, values=values, allowed=allowed)
    counts, expected = np.zeros((rows, 3)), np.zeros((rows, 3))
    for salt in range(salts):
        use_case = make_use_case(
            policy={"exploration": {"kind": "uniform", "share": 0.2}, "salt": str(salt), "constraints": share}
        )
        choice = choose(use_case, frame, AS_OF, situation)
        counts[np.arange(rows), choice.action] += 1
        expected += choice.propensities
    # Rows that are alike count as one, so that a small error of all of them is seen.
    counts, expected = (one.reshape(copies, kinds, 3).sum(axis=0) for one in (counts, expected))
    possible = expected > 0
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert stats.chi2.sf(statistic, possible.sum() - kinds) > 0.001
    if maximum < 1:
        assert expected[:, CALL].sum() / (rows * salts) == pytest.approx(maximum)


def test_exploration_is_drawn_evenly_from_the_other_actions_that_teach(make_use_case, make_frame):
    rows = 30_000
    situation = _situation(rows, values=np.tile([0.0, 5.0, 1.0], (rows, 1)))
    choice = choose(make_use_case(), make_frame(rows), AS_OF, situation)
    assert choice.propensities[0] == pytest.approx([0.05, 0.9, 0.05])
    explored = choice.role == "exploration"
    assert (choice.action[~explored] == NOTHING).all()
    assert (choice.role[~explored] == "champion").all()
    counts = np.bincount(choice.action, minlength=3)
    assert stats.chisquare(counts, rows * np.array([0.05, 0.9, 0.05])).pvalue > 0.001
    assert counts[[CALL, MAIL]].sum() == explored.sum()


def test_an_action_that_reveals_no_outcome_is_never_explored(make_use_case, make_frame):
    situation = _situation(1000, values=np.tile([0.0, 1.0, 5.0], (1000, 1)))
    choice = choose(make_use_case(), make_frame(1000), AS_OF, situation)
    assert choice.propensities[0] == pytest.approx([0.1, 0.0, 0.9])
    assert NOTHING not in choice.action


def test_the_best_value_wins_and_ties_go_to_the_default_then_to_contract_order(make_use_case, make_frame):
    values = np.array([[1.0, 1.0, 1.0], [2.0, 1.0, 2.0], [0.0, 1.0, 3.0]])
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}})
    choice = choose(use_case, make_frame(3), AS_OF, _situation(3, values=values))
    assert choice.action.tolist() == [NOTHING, CALL, MAIL]
    assert choice.expected_value.tolist() == [1.0, 2.0, 3.0]
    assert (choice.propensity == 1).all()


def test_where_the_rules_are_champion_they_are_the_greedy_action_and_exploration_goes_on(make_use_case, make_frame):
    situation = _situation(5000, values=np.full((5000, 3), np.nan), has_model=False)
    choice = choose(make_use_case(), make_frame(5000), AS_OF, situation)
    explored = choice.role == "exploration"
    assert explored.mean() == pytest.approx(0.1, abs=0.02)
    assert (choice.action[~explored] == situation.rules_action[~explored]).all()
    assert (choice.role[~explored] == "baseline").all()
    assert choice.propensity[~explored] == pytest.approx(0.9)
    assert pd.isna(choice.fallback_reason).all()


def test_the_holdout_keeps_the_rules_for_certain_at_every_time(make_use_case, make_frame):
    use_case, frame = make_use_case(policy={"holdout_share": 0.2}), make_frame(2000)
    situation = _situation(2000)
    held = in_holdout(frame["client_id"], salt_of(use_case), 0.2)
    for as_of in (AS_OF, AS_OF + pd.Timedelta(days=7)):
        choice = choose(use_case, frame, as_of, situation)
        assert ((choice.role == "holdout") == held).all()
        assert (choice.action[held] == situation.rules_action[held]).all()
        assert (choice.propensity[held] == 1).all()
    assert 0.1 < held.mean() < 0.3


def test_the_holdout_of_another_use_case_is_another(make_use_case, make_frame):
    frame = make_frame(20_000)
    one, other = (
        in_holdout(frame["client_id"], salt_of(make_use_case(name=name)), 0.1) for name in ("offers", "lines")
    )
    assert (one & other).mean() == pytest.approx(0.01, abs=0.003)


def test_rows_with_a_fault_go_to_the_rules_with_the_reason(make_use_case, make_frame):
    values = np.tile([0.0, 1.0, 5.0], (4, 1))
    values[2, CALL] = np.nan
    situation = _situation(
        4,
        values=values,
        rules_action=np.full(4, CALL),
        is_fallback=np.array([True, True, False, False]),
        fallback_reason=np.array(["spend is missing", None, None, None], dtype=object),
    )
    choice = choose(
        make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}}), make_frame(4), AS_OF, situation
    )
    assert choice.fallback_reason.tolist() == ["spend is missing", ROW_FAULT, NO_VALUE, None]
    assert choice.role.tolist() == ["baseline", "baseline", "baseline", "champion"]
    assert choice.action.tolist() == [CALL, CALL, CALL, MAIL]
    assert (choice.propensity == 1).all()


def test_a_missing_value_of_a_forbidden_action_does_not_matter(make_use_case, make_frame):
    allowed = np.array([[False, True, True]])
    situation = _situation(1, values=np.array([[np.nan, 0.0, 1.0]]), allowed=allowed)
    choice = choose(
        make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}}), make_frame(1), AS_OF, situation
    )
    assert choice.action.tolist() == [MAIL]
    assert choice.fallback_reason.tolist() == [None]


@pytest.mark.parametrize("has_model", [True, False])
def test_the_kill_switch_reverts_everything_to_the_rules_at_once(make_use_case, make_frame, has_model):
    # not even a constraint that cannot be kept may stand in its way
    policy = {
        "exploration": {"kind": "uniform", "share": 0.5},
        "holdout_share": 0.3,
        "constraints": [{"kind": "share", "action": "mail", "minimum": 1.0}],
    }
    situation = _situation(300, rules_because=KILL_SWITCH, has_model=has_model)
    choice = choose(make_use_case(policy=policy), make_frame(300), AS_OF, situation)
    assert (choice.action == situation.rules_action).all()
    assert (choice.propensity == 1).all()
    assert (choice.fallback_reason == KILL_SWITCH).all()
    # the referee stays the referee, because it is a fixed set of entities
    assert set(choice.role) == {"baseline", "holdout"}


def test_where_the_rules_want_what_is_forbidden_the_default_stands_in(make_use_case, make_frame):
    allowed = np.array([[False, True, True], [False, False, True]])
    situation = _situation(2, rules_action=np.array([CALL, CALL]), rules_because=KILL_SWITCH, allowed=allowed)
    assert choose(make_use_case(), make_frame(2), AS_OF, situation).action.tolist() == [NOTHING, MAIL]


def test_an_empty_batch_gives_an_empty_choice(make_use_case, make_frame):
    policy = {"constraints": [{"kind": "share", "action": "mail", "minimum": 0.5}]}
    choice = choose(make_use_case(policy=policy), make_frame(0), AS_OF, _situation(0))
    assert choice.propensities.shape == (0, 3)
    assert len(choice.action) == len(choice.role) == len(choice.fallback_reason) == 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"values": np.zeros((2, 2))}, r"values has shape \(2, 2\)"),
        ({"rules_action": np.zeros(3, dtype=int)}, "rules_action has shape"),
        ({"rules_action": np.array([0, -1])}, "no action"),
        ({"allowed": np.array([[True] * 3, [False] * 3])}, "1 rows have no allowed action"),
    ],
)
def test_what_does_not_fit_together_is_refused(make_use_case, make_frame, changes, problem):
    with pytest.raises(ChoiceError, match=problem):
        choose(make_use_case(), make_frame(2), AS_OF, _situation(2, **changes))
