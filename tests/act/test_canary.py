"""A release on trial decides for a share of the entities, with exact propensities, and nowhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from decisionloop.act.canary import Canary, OnTrial
from decisionloop.act.policy import choose
from decisionloop.act.situation import KILL_SWITCH, Situation

AS_OF = pd.Timestamp("2005-07-08", tz="UTC")
CALL, NOTHING, MAIL = range(3)
ROWS = 4000


def _bid(share: float, action: int = CALL, rows: int = ROWS, supported: np.ndarray | None = None) -> Canary:
    values = np.zeros((rows, 3))
    values[:, action] = 5.0
    return Canary(OnTrial("offers/gb/1", share), values, supported)


def _situation(canary: Canary | None, rows: int = ROWS, **changes: object) -> Situation:
    """A champion that would mail everybody, beside rules that do nothing."""
    values = np.tile([0.0, 1.0, 3.0], (rows, 1))
    given = {"values": values, "rules_action": np.full(rows, NOTHING), "has_model": True, "canary": canary}
    return Situation(**(given | changes))


@pytest.fixture
def offers(make_use_case):
    return make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}})


@pytest.mark.parametrize("has_model", [True, False])
def test_a_share_of_the_entities_is_decided_by_the_release_on_trial(offers, make_frame, has_model):
    choice = choose(offers, make_frame(ROWS), AS_OF, _situation(_bid(0.25), has_model=has_model))
    others = MAIL if has_model else NOTHING
    assert choice.is_on_trial.mean() == pytest.approx(0.25, abs=0.03)
    assert (choice.action == np.where(choice.is_on_trial, CALL, others)).all()
    assert ((choice.role == "canary") == choice.is_on_trial).all()
    assert choice.propensities[:, CALL] == pytest.approx(np.full(ROWS, 0.25))
    assert choice.propensities[:, others] == pytest.approx(np.full(ROWS, 0.75))
    assert (choice.expected_value[choice.is_on_trial] == 5.0).all()


def test_it_is_the_same_entities_at_every_time_and_a_larger_share_keeps_them(offers, make_frame):
    frame = make_frame(ROWS)
    small = choose(offers, frame, AS_OF, _situation(_bid(0.05))).is_on_trial
    for days, share in ((7, 0.05), (14, 0.25), (21, 1.0)):
        drawn = choose(offers, frame, AS_OF + pd.Timedelta(days=days), _situation(_bid(share))).is_on_trial
        assert (drawn >= small).all()
    assert drawn.all()
    other = Canary(OnTrial("offers/gb/2", 0.05), _bid(0.05).values)
    assert (small & choose(offers, frame, AS_OF, _situation(other)).is_on_trial).mean() < 0.01


@pytest.mark.parametrize("has_model", [True, False])
@pytest.mark.parametrize("kind", ["uniform", "rationed"])
def test_frequencies_match_propensities(make_use_case, make_frame, kind, has_model):
    kinds, copies, salts = 12, 20, 20
    rows = kinds * copies
    share = [{"kind": "share", "action": "mail", "maximum": 0.4}] if kind == "rationed" else []
    counts, expected = np.zeros((rows, 3)), np.zeros((rows, 3))
    for salt in range(salts):
        policy = {"exploration": {"kind": "uniform", "share": 0.2}, "salt": str(salt), "constraints": share}
        situation = _situation(_bid(0.3, MAIL if kind == "rationed" else CALL, rows), rows, has_model=has_model)
        choice = choose(make_use_case(policy=policy), make_frame(rows), AS_OF, situation)
        counts[np.arange(rows), choice.action] += 1
        expected += choice.propensities
    # Rows that are alike count as one, so that a small error of all of them is seen.
    counts, expected = (one.reshape(copies, kinds, 3).sum(axis=0) for one in (counts, expected))
    possible = expected > 0
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert stats.chi2.sf(statistic, possible.sum() - kinds) > 0.001


def test_the_limits_of_the_policy_hold_over_both_together(make_use_case, make_frame):
    share = [{"kind": "share", "action": "mail", "maximum": 0.7}]
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}, "constraints": share})
    choice = choose(use_case, make_frame(ROWS), AS_OF, _situation(_bid(0.5, MAIL)))
    assert (choice.action == MAIL).mean() == pytest.approx(0.7, abs=0.02)
    assert {"champion", "canary"} <= set(choice.role[choice.action == MAIL])


def test_beside_rules_it_takes_its_share_of_what_the_limits_would_allow_it(make_use_case, make_frame):
    share = [{"kind": "share", "action": "mail", "maximum": 0.3}]
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}, "constraints": share})
    bid = _bid(0.5, MAIL)
    bid.values[:, MAIL] = np.random.default_rng(3).normal(5, 1, ROWS)
    choice = choose(use_case, make_frame(ROWS), AS_OF, _situation(bid, has_model=False))
    assert choice.is_on_trial.mean() == pytest.approx(0.5, abs=0.03)
    assert (choice.action[~choice.is_on_trial] == NOTHING).all()
    mailed = choice.action == MAIL
    assert mailed[choice.is_on_trial].mean() == pytest.approx(0.3, abs=0.03)
    assert bid.values[mailed, MAIL].min() >= np.quantile(bid.values[:, MAIL], 0.69)
    # Who gets a letter by the plan has it with the chance of the share, whoever was drawn; limits hold in expectation.
    assert choice.propensities[mailed, MAIL] == pytest.approx(np.full(mailed.sum(), 0.5), abs=0.01)
    assert choice.propensities[:, MAIL].sum() == pytest.approx(0.5 * 0.3 * ROWS, rel=0.01)
    assert choice.propensities.sum(axis=1) == pytest.approx(np.ones(ROWS))


def test_beside_rules_whom_they_decide_for_certain_uses_up_the_limit_as_well(make_use_case, make_frame):
    limit = [{"kind": "share", "action": "mail", "maximum": 0.3}]
    policy = {"exploration": {"kind": "uniform", "share": 0.0}, "constraints": limit, "holdout_share": 0.2}
    everyone_mailed = _situation(_bid(1.0, MAIL), has_model=False, rules_action=np.full(ROWS, MAIL))
    choice = choose(make_use_case(policy=policy), make_frame(ROWS), AS_OF, everyone_mailed)
    held = choice.role == "holdout"
    assert (choice.action[held] == MAIL).all()
    assert (choice.action == MAIL).mean() == pytest.approx(0.3, abs=0.02)


def test_beside_rules_the_guardrails_cut_what_it_does_under_constraints_too(make_use_case, make_frame):
    limit = [{"kind": "share", "action": "mail", "maximum": 0.3}]
    policy = {"exploration": {"kind": "uniform", "share": 0.0}, "constraints": limit}
    use_case = make_use_case(policy=policy, guardrails={"action_share": {"call": [0.0, 0.1]}})
    choice = choose(use_case, make_frame(ROWS), AS_OF, _situation(_bid(0.5), has_model=False))
    assert (choice.action == CALL).mean() == pytest.approx(0.1, abs=0.001)
    assert choice.propensities[:, CALL] == pytest.approx(np.full(ROWS, 0.1), abs=0.01)


def test_beside_rules_it_has_no_say_where_the_limits_cannot_be_kept(make_use_case, make_frame):
    share = [{"kind": "share", "action": "mail", "minimum": 0.9}]
    policy = {"exploration": {"kind": "uniform", "share": 0.0}, "constraints": share, "holdout_share": 0.2}
    choice = choose(make_use_case(policy=policy), make_frame(ROWS), AS_OF, _situation(_bid(0.5), has_model=False))
    assert not choice.is_on_trial.any()
    assert (choice.action == NOTHING).all()
    assert choice.propensity == pytest.approx(np.ones(ROWS))


def test_it_has_no_say_over_the_holdout_over_faults_and_over_what_it_cannot_value(make_use_case, make_frame):
    use_case = make_use_case(policy={"exploration": {"kind": "uniform", "share": 0.0}, "holdout_share": 0.2})
    bid, faulty, unknown = _bid(1.0), np.zeros(ROWS, dtype=bool), np.zeros(ROWS, dtype=bool)
    faulty[:500], unknown[500:1000] = True, True
    bid.values[unknown, MAIL] = np.nan
    choice = choose(use_case, make_frame(ROWS), AS_OF, _situation(bid, is_fallback=faulty))
    held = choice.role == "holdout"
    assert not choice.is_on_trial[held | faulty | unknown].any()
    assert choice.is_on_trial[~(held | faulty | unknown)].all()
    assert (choice.action[unknown & ~held] == MAIL).all()  # the champion's, which could value them


@pytest.mark.parametrize("because", [KILL_SWITCH, "rules stand in: champion failed"])
def test_it_has_no_say_where_people_or_the_loop_have_switched_models_off(offers, make_frame, because):
    choice = choose(offers, make_frame(ROWS), AS_OF, _situation(_bid(1.0), rules_because=because))
    assert not choice.is_on_trial.any()
    assert (choice.action == NOTHING).all()


def test_outside_its_support_it_does_as_the_rules_do(offers, make_frame):
    supported = np.ones((ROWS, 3), dtype=bool)
    supported[::2, CALL] = False
    choice = choose(offers, make_frame(ROWS), AS_OF, _situation(_bid(1.0, supported=supported)))
    assert (choice.action == np.where(supported[:, CALL], CALL, NOTHING)).all()
    assert (choice.role == np.where(supported[:, CALL], "canary", "baseline")).all()
    assert choice.is_on_trial.all()


def test_the_parts_of_a_batch_explore_around_what_each_prefers(make_use_case, make_frame):
    choice = choose(make_use_case(), make_frame(ROWS), AS_OF, _situation(_bid(0.5)))
    explored = choice.role == "exploration"
    assert explored.mean() == pytest.approx(0.1, abs=0.02)
    assert (choice.action[~explored] == np.where(choice.is_on_trial, CALL, MAIL)[~explored]).all()
