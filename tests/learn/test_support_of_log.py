"""Where the log speaks: a model that is right there and wrong elsewhere earns more within its support than anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.economics import action_values
from decisionloop.act.policy import choose
from decisionloop.act.situation import Situation
from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.evidence import Contender, gate_rules, gather_evidence
from decisionloop.learn.gate import judge
from decisionloop.learn.gate_money import surest
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.serving import ServingTime
from decisionloop.learn.support_of_log import KINDS, reach_in_log, support_rule
from decisionloop.predict.predictions import Predictions
from tests.small_use_case import write_small

HOLD, LEND = range(2)
ROWS = 6000
AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
SERVED = ServingTime(1.0, 100)


@pytest.fixture(scope="module")
def use_case(tmp_path_factory) -> UseCase:
    """A loan earns 10 or loses 40. The rules lend where turnover is above 80."""
    policy = {"exploration": {"kind": "uniform", "share": 0.0}, "holdout_share": 0.0}
    return load_use_case(write_small(tmp_path_factory.mktemp("small"), policy=policy).folder).use_case


@dataclass(frozen=True)
class World:
    """Below a turnover of 80 everybody defaults; above it debt decides, which the rules ignore."""

    frame: pd.DataFrame
    risk: np.ndarray
    rules: np.ndarray
    told: Predictions

    @property
    def money(self) -> np.ndarray:
        """True money of each action (n, A)."""
        return np.stack([np.zeros(len(self.risk)), 10 - 50 * self.risk], axis=1)

    def earned(self, action: np.ndarray) -> float:
        return float(self.money[np.arange(len(action)), action].mean())


def world(seed: int, rows: int = ROWS) -> World:
    """The model knows what debt does. Nobody below 80 was ever lent to, so it takes them for the others."""
    chance = np.random.default_rng(seed)
    debt = chance.uniform(0, 10, rows)
    frame = pd.DataFrame(
        {
            "shop_id": [f"s{seed}-{i}" for i in range(rows)],
            "turnover": chance.gamma(4, 25, rows).clip(0, 1000),
            "debt": debt,
            "trade": pd.Series(chance.choice(["craft", "farm", "retail"], rows), dtype="str"),
            "owner_sex": pd.Series(chance.choice(["f", "m"], rows), dtype="str"),
        }
    )
    by_debt = 1 / (1 + np.exp(-1.5 * (debt - 9)))
    is_fine = frame["turnover"].to_numpy() > 80
    told = np.full((rows, 2), np.nan)
    told[:, LEND] = by_debt
    return World(frame, np.where(is_fine, by_debt, 1.0), np.where(is_fine, LEND, HOLD), Predictions(told, None))


def logged(use_case: UseCase, one: World, explored: float, seed: int = 0) -> LoggedBatches:
    """The rules decided, and explored a share of what they would hold."""
    chance = np.random.default_rng(seed)
    rows = len(one.rules)
    is_explored = (one.rules == HOLD) & (chance.random(rows) < explored)
    action = np.where(is_explored, LEND, one.rules)
    propensity = np.where(one.rules == LEND, 1.0, np.where(is_explored, explored, 1 - explored))
    outcome = np.where(action == LEND, (chance.random(rows) < one.risk).astype(float), np.nan)
    log = pd.DataFrame(
        {
            "decision_id": one.frame["shop_id"],
            "entity_id": one.frame["shop_id"],
            "as_of": pd.Timestamp(AS_OF),
            "role": np.where(is_explored, "exploration", "baseline"),
            "action": np.array(use_case.action_names)[action],
            "propensity": propensity,
            "fallback_reason": None,
            "outcome_class": outcome,
            "outcome_amount": np.nan,
        }
    )
    return LoggedBatches(log, one.frame, one.rules)


@pytest.mark.parametrize("seed", range(5))
def test_within_support_it_earns_more_than_the_rules_and_than_the_model_everywhere(use_case, seed):
    past, now = world(seed), world(100 + seed)
    rule = support_rule(use_case, logged(use_case, past, explored=0.0), past.told)
    values = action_values(use_case, now.frame, now.told)
    supported = rule.supported(use_case.action_names, now.frame, now.rules)
    earned = {}
    for name, where in (("everywhere", None), ("within support", supported)):
        situation = Situation(values, now.rules, has_model=True, supported=where)
        earned[name] = now.earned(choose(use_case, now.frame, AS_OF, situation).action)
    rules, best = now.earned(now.rules), float(now.money.max(axis=1).mean())
    assert earned["everywhere"] < rules < earned["within support"]
    assert earned["within support"] - rules > 0.95 * (best - rules)


def test_what_was_never_explored_is_not_supported_and_what_the_rules_grant_is(use_case):
    past, now = world(1), world(2)
    rule = support_rule(use_case, logged(use_case, past, explored=0.0), past.told)
    lend = rule.supported(use_case.action_names, now.frame, now.rules)[:, LEND]
    assert not lend[now.rules == HOLD].any()
    assert lend[now.rules == LEND].mean() > 0.99
    assert rule.supported(use_case.action_names, now.frame, now.rules)[:, HOLD].all()


def test_exploring_supports_what_the_rules_refuse_once_a_kind_has_outcomes_enough(use_case):
    one = world(3, rows=12_000)
    shares = []
    for explored in (0.0, 0.02, 0.9):
        rule = support_rule(use_case, logged(use_case, one, explored), one.told)
        lend = rule.supported(use_case.action_names, one.frame, one.rules)[:, LEND]
        shares.append(lend[one.rules == HOLD].mean())
    assert shares[:2] == [0.0, 0.0]
    assert shares[2] > 0.95


def test_a_kind_is_counted_by_entity_and_is_no_smaller_than_its_part_of_the_log(use_case):
    """A hundred outcomes of one shop tell of one shop."""
    one = world(4)
    batches = logged(use_case, one, explored=0.0)
    rule = support_rule(use_case, batches, one.told)
    numbers = np.bincount(rule.tree.leaves(_numbers(rule, one)), minlength=rule.kinds)
    assert rule.kinds > 10
    assert numbers.min() >= max(2 * use_case.gate.minimum_effective_n, ROWS / KINDS)
    single = LoggedBatches(batches.log.assign(entity_id="the only one"), batches.frame, batches.rules_action)
    assert np.asarray(support_rule(use_case, single, one.told).outcomes).max() == 1.0


def test_the_same_log_gives_the_same_rule_whatever_became_of_its_decisions(use_case):
    one = world(5)
    batches = logged(use_case, one, explored=0.1)
    turned = batches.log.assign(outcome_class=1 - batches.log["outcome_class"])
    rules = [
        support_rule(use_case, LoggedBatches(log, batches.frame, batches.rules_action), one.told)
        for log in (batches.log, batches.log, turned)
    ]
    assert rules[0].to_bytes() == rules[1].to_bytes() == rules[2].to_bytes()


def test_its_shares_add_up(use_case):
    one = world(6)
    batches = logged(use_case, one, explored=0.0)
    reach = reach_in_log(use_case, batches, one.told, support_rule(use_case, batches, one.told))
    wanted = action_values(use_case, one.frame, one.told).argmax(axis=1)
    assert reach.may_decide == pytest.approx((one.rules == LEND).mean(), abs=0.01)
    assert reach.departs + reach.copies == pytest.approx((wanted != one.rules).mean(), abs=0.01)


def test_the_gate_lets_it_pass_where_the_model_everywhere_cannot_be_judged(use_case):
    """Nothing below 80 was tried: the log cannot say what the model would bring there, and need not."""
    past = world(7)
    batches = logged(use_case, past, explored=0.0)
    rule = support_rule(use_case, batches, past.told)
    supported = rule.supported(use_case.action_names, past.frame, past.rules)
    everywhere, within = Contender(past.told, SERVED), Contender(past.told, SERVED, supported=supported)
    rules = gate_rules(use_case, 2, stake=0.05)
    told = [gather_evidence(use_case, batches, one, Contender(None), rules) for one in (everywhere, within)]
    verdicts = [judge(one, rules) for one in told]
    assert [one.decision for one in verdicts] == ["insufficient", "promote"]
    assert "never tried" in verdicts[0].reason
    assert told[0].deciding_share is None
    assert told[1].deciding_share == pytest.approx((past.rules == LEND).mean(), abs=0.01)
    (skill,) = [one for one in verdicts[1].checks if one.name == "skill"]
    assert "on the" in skill.reason
    assert "depart from the rules" in skill.reason
    truth = past.earned(_chosen(use_case, past, supported)) - past.earned(past.rules)
    assert told[1].money.low < truth < told[1].money.high


def test_of_two_candidates_the_one_that_surely_earns_more_goes_on(use_case):
    """Explored a little, the model everywhere can be judged, badly: what it would add is a guess from a few loans."""
    one = world(8)
    batches = logged(use_case, one, explored=0.03)
    rule = support_rule(use_case, batches, one.told)
    supported = rule.supported(use_case.action_names, one.frame, one.rules)
    rules = gate_rules(use_case, 1)
    candidates = [Contender(one.told, SERVED), Contender(one.told, SERVED, supported=supported)]
    told = [gather_evidence(use_case, batches, contender, Contender(None), rules) for contender in candidates]
    assert surest(told, 0.9) == 1
    assert surest(told[::-1], 0.9) == 0
    alike = [told[1], gather_evidence(use_case, batches, candidates[1], Contender(None), rules)]
    assert surest(alike, 0.9) == 0


def _chosen(use_case: UseCase, one: World, supported: np.ndarray) -> np.ndarray:
    values = action_values(use_case, one.frame, one.told)
    situation = Situation(values, one.rules, has_model=True, supported=supported)
    return choose(use_case, one.frame, AS_OF, situation).action


def _numbers(rule, one: World) -> np.ndarray:
    columns = [known.numbers(one.frame) for known in rule.inputs]
    return np.stack([*columns, one.rules.astype(np.float32)], axis=1)
