"""What each action brought, against the rules on the same decisions, though chance and the model chose them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from decisionloop.contract import UseCase
from decisionloop.observe.action_value import Choices, action_figures
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.missing_outcomes import missing_outcomes
from tests.monitor.customers import CONTRACT, customers, offers

N, EXPLORED = 6_000, 0.3
NONE, TEN, TWENTY = 0, 1, 2


def kept(frame: pd.DataFrame, action: np.ndarray) -> np.ndarray:
    """Probability to stay: offers help those on the family plan alone."""
    is_family = (frame["plan"] == "family").to_numpy()
    return 0.5 + 0.3 * (is_family & (action > 0))


def world(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
    """Log and frame of a policy that prefers 10 % for families and 20 % for gold; the rules: 10 % for gold."""
    rng, frame = np.random.default_rng(seed), customers(N, seed)
    plan = frame["plan"].to_numpy(dtype=object)
    preferred = np.select([plan == "family", plan == "gold"], [TEN, TWENTY], NONE)
    rules = np.where(plan == "gold", TEN, NONE)
    is_drawn = rng.random(N) < EXPLORED
    action = np.where(is_drawn, rng.integers(0, 3, N), preferred)
    propensity = np.where(action == preferred, 1 - EXPLORED * 2 / 3, EXPLORED / 3)
    outcome = (rng.random(N) < kept(frame, action)).astype(float)
    log = pd.DataFrame(
        {
            "entity_id": frame["customer_id"],
            "action": np.array(["none", "offer_10", "offer_20"])[action],
            "propensity": propensity,
            "role": np.where(action == preferred, "champion", "exploration"),
            "fallback_reason": None,
            "outcome_class": outcome,
            "outcome_amount": 100.0 * outcome,
        }
    )
    return log, frame, rules, preferred


def told(case: UseCase, seed: int) -> dict[tuple[str, str], Estimate]:
    log, frame, rules, preferred = world(seed)
    logged = logged_decisions(case, log, frame, None)
    found = action_figures(case, log, frame, logged, Choices(rules, preferred))
    return {(one.monitor, one.slice): one.estimate for one in found}


def test_value_and_lift_of_each_action_hold_the_truth() -> None:
    lifts = {"none": 0.0, "offer_10": 20 * 0.3 - 2, "offer_20": -2.0}
    chance = EXPLORED * 2 / 3  # of another action than the preferred one
    held = []
    for seed in range(20):
        figures = told(offers(), seed)
        ten = lifts["offer_10"] * (1 - chance) + (lifts["offer_10"] - 2) * chance / 2  # 20 %, or nothing at all
        twenty = -2.0 * (1 - chance) + 2.0 * chance / 2
        none = -2.0 * chance / 2 - 4.0 * chance / 2
        for action, lift in (("offer_10", ten), ("offer_20", twenty), ("none", none)):
            one = figures["lift_of_action", f"action={action}"]
            assert one.low is not None
            assert one.high is not None
            assert one.low < one.high
            held.append(one.low <= lift <= one.high)
    assert np.mean(held) >= 0.9


def test_figures_count_the_decisions_that_they_are_of() -> None:
    log, _, _, preferred = world(3)
    figures = told(offers(), 3)
    assert figures["value_of_action", "action=offer_10"].n == int((preferred == TEN).sum())
    assert figures["conversion_of_action", "action=offer_10"].n == int((log["action"] == "offer_10").sum())
    assert not any(monitor == "cost_of_action" for monitor, _ in figures)  # the contract names no cost


def test_cost_and_amount_are_told_where_the_contract_names_them() -> None:
    contract = yaml.safe_load(CONTRACT)
    contract["outcome"] |= {"amount": {"column": "paid", "unit": "EUR"}}
    contract["policy"] |= {
        "constraints": [{"kind": "budget", "cost": {"offer_10": "2", "offer_20": "4"}, "limit": 1e6}]
    }
    figures = told(UseCase.model_validate(contract), 3)
    cost, amount = (figures[name, "action=offer_20"] for name in ("cost_of_action", "amount_of_action"))
    assert (cost.value, cost.n) == (4.0, amount.n)
    assert amount.value == pytest.approx(100 * (figures["conversion_of_action", "action=offer_20"].value or 0.0))


def test_who_was_held_out_or_fell_back_is_not_of_the_policy() -> None:
    log, frame, rules, preferred = world(3)
    log.loc[:99, "role"] = "holdout"
    log.loc[100:149, "fallback_reason"] = "a fault"
    logged = logged_decisions(offers(), log, frame, None)
    counted = {
        one.slice: one.estimate.n
        for one in action_figures(offers(), log, frame, logged, Choices(rules, preferred))
        if one.monitor == "value_of_action"
    }
    assert sum(counted.values()) == N - 150


def test_a_figure_of_an_action_holds_the_truth_whatever_the_missing_outcomes_are() -> None:
    """A quarter never comes, and nearly all of those said no: what has come says 64 of 100 where 50 is true."""
    log, frame, rules, preferred = world(5)
    whole = told(offers(), 5)
    is_lost = (log["outcome_class"] == 0) & (np.random.default_rng(1).random(N) < 0.5)
    log.loc[is_lost, ["outcome_class", "outcome_amount"]] = np.nan
    missing = missing_outcomes(offers(), log, frame, LateArrivals.nothing(3))
    logged = logged_decisions(offers(), log, frame, None, missing)
    figures = {
        (one.monitor, one.slice): one.estimate
        for one in action_figures(offers(), log, frame, logged, Choices(rules, preferred))
    }
    for key, true in whole.items():
        one = figures[key]
        assert true.value is not None
        assert one.bounds is not None, key
        assert one.bounds.missing > 0
        assert one.bounds.low is not None, key
        assert one.bounds.high is not None, key
        assert one.bounds.low <= true.value <= one.bounds.high, key
    conversion = figures["conversion_of_action", "action=none"]
    assert (conversion.low or 0.0) > (whole["conversion_of_action", "action=none"].value or 0.0)  # as those that came
