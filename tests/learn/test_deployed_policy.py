"""The gate values what would be deployed: budget, holdout, rows with a fault, exploration and mixtures included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from decisionloop.act.constraints import limits_of
from decisionloop.act.economics import action_values
from decisionloop.act.policy import choose
from decisionloop.act.situation import KILL_SWITCH, NO_VALUE, STANDING_IN, Situation, is_row_fault
from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.deployed_policy import deployed_policy
from decisionloop.learn.evidence import Contender, gate_rules, gather_evidence
from decisionloop.learn.gate_money import check_money
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.serving import ServingTime
from decisionloop.observe.off_policy import one_hot
from decisionloop.predict.predictions import Predictions
from tests.small_use_case import write_offers

BATCHES, ROWS = 8, 1500
BUDGET = {"kind": "budget", "cost": {"mail": "1", "voucher": "3"}, "limit": 700}
AS_OF = [datetime(2024, 1, 1 + day, tzinfo=UTC) for day in range(BATCHES)]


def contract(folder, constraints: list[dict]) -> UseCase:
    policy = {"exploration": {"kind": "uniform", "share": 0.2}, "holdout_share": 0.25, "constraints": constraints}
    return load_use_case(write_offers(folder, policy=policy, guardrails={"action_share": {}}).folder).use_case


@dataclass(frozen=True)
class World:
    """Who buys under each action is known (n, A), and what is bought then is worth the same to everybody."""

    use_case: UseCase
    batches: LoggedBatches
    told: Predictions
    worth: np.ndarray

    def true_money(self, policy: np.ndarray, free: np.ndarray) -> float:
        """Money a decision of policy traffic."""
        return float((policy * self.worth).sum(axis=1)[free].mean())


def world(use_case: UseCase) -> World:
    """Actions were drawn evenly; the rules send nothing; a tenth of the rows had a fault."""
    chance, n = np.random.default_rng(3), BATCHES * ROWS
    visits = chance.integers(0, 30, n).astype(float)
    frame = pd.DataFrame(
        {
            "shop_id": [f"s{i}" for i in range(n)],
            "visits": visits,
            "channel": pd.Series(np.where(visits > 10, "web", "shop"), dtype="str"),
        }
    )
    lift = np.stack([np.zeros(n), visits / 60, visits / 40], axis=1)
    p = 0.1 + lift
    amount = np.full((n, 3, 2), 40.0)
    amount[:, :, 0] = 0.0
    told = Predictions(p, amount)
    action = chance.integers(0, 3, n)
    bought = (chance.random(n) < p[np.arange(n), action]).astype(float)
    reason = np.where(chance.random(n) < 0.1, "visits is out of range", None)
    log = pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(n)],
            "entity_id": frame["shop_id"],
            "as_of": np.repeat(pd.DatetimeIndex(AS_OF), ROWS),
            "role": "exploration",
            "action": np.array(use_case.action_names)[action],
            "propensity": 1 / 3,
            "fallback_reason": reason,
            "outcome_class": bought,
            "outcome_amount": 40.0 * bought,
        }
    )
    return World(
        use_case, LoggedBatches(log, frame, np.zeros(n, dtype=np.int64)), told, action_values(use_case, frame, told)
    )


@pytest.fixture(scope="module", params=["free", "budget", "budget and share"])
def offered(request, tmp_path_factory) -> World:
    share = {"kind": "share", "action": "mail", "minimum": 0.2, "maximum": 1.0}
    constraints = {"free": [], "budget": [BUDGET], "budget and share": [BUDGET, share]}[request.param]
    return world(contract(tmp_path_factory.mktemp("offers"), constraints))


def policies(one: World) -> tuple[np.ndarray, np.ndarray]:
    return tuple(deployed_policy(one.use_case, one.batches, told) for told in (one.told, None))


def test_it_is_what_deciding_each_whole_batch_anew_would_do(offered):
    ours, theirs = policies(offered)
    log, frame = offered.batches.log, offered.batches.frame
    for as_of in AS_OF[:2]:
        rows = np.flatnonzero(log["as_of"] == as_of)
        faults = log["fallback_reason"].notna().to_numpy()[rows]
        for policy, values in ((ours, offered.worth[rows]), (theirs, np.full((len(rows), 3), np.nan))):
            rules, has_model = np.zeros(len(rows), dtype=np.int64), policy is ours
            situation = Situation(values, rules, has_model=has_model, is_fallback=faults)
            choice = choose(offered.use_case, frame.iloc[rows].reset_index(drop=True), as_of, situation)
            np.testing.assert_array_equal(policy[rows], choice.propensities)


def test_a_batch_spends_its_budget_on_everybody_in_it(offered):
    ours, _ = policies(offered)
    for limit in limits_of(offered.use_case, offered.batches.frame.iloc[:ROWS]):
        assert (ours[:ROWS] * limit.coefficient).sum() <= limit.bound + 1e-6


def test_the_gain_that_the_gate_is_told_is_the_one_that_deployment_brings(offered):
    ours, theirs = policies(offered)
    free = offered.batches.log["fallback_reason"].isna().to_numpy()
    truth = offered.true_money(ours, free) - offered.true_money(theirs, free)
    challenger = Contender(offered.told, ServingTime(1.0, 1000))
    evidence = gather_evidence(
        offered.use_case, offered.batches, challenger, Contender(None), gate_rules(offered.use_case, 2, stake=0.05)
    )
    assert evidence.money.n == free.sum()
    assert evidence.money.low < truth < evidence.money.high
    alone = offered.true_money(one_hot(offered.worth.argmax(axis=1), 3), free)
    alone -= offered.true_money(one_hot(offered.batches.rules_action, 3), free)
    # Left to itself it would seem to earn what neither budget nor holdout nor exploration leave of it.
    assert evidence.money.high < 0.8 * alone


def test_constraints_that_cannot_be_kept_leave_a_batch_to_the_rules(tmp_path):
    nobody = {"kind": "share", "action": "voucher", "minimum": 0.95, "maximum": 1.0}
    one = world(contract(tmp_path, [nobody]))
    ours, theirs = policies(one)
    np.testing.assert_array_equal(ours, theirs)
    rules = gate_rules(one.use_case, 1)
    evidence = gather_evidence(one.use_case, one.batches, Contender(one.told), Contender(None), rules)
    reason = check_money(evidence, rules).reason
    assert "The rules would stand in for it: no choice of actions keeps every constraint of the policy" in reason
    assert "share of voucher of at least 0.95" in reason


def test_only_what_is_wrong_with_a_row_itself_keeps_it_from_every_release():
    reasons = [None, "debt is missing", KILL_SWITCH, NO_VALUE, f"{STANDING_IN}jump", f"{STANDING_IN}jump; limit: cost"]
    reasons += ["limit: largest cost", "debt is missing; limit: largest cost"]
    assert is_row_fault(pd.Series(reasons, dtype=object)).tolist() == [False, True, *[False] * 5, True]
