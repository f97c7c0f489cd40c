"""Money under limits: what the policy earned under its budget is all that it earned, whatever the limit cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.exploration.agreement import flat_share
from decisionloop.act.policy import choose
from decisionloop.act.situation import SPENT, Situation
from decisionloop.act.within_budget import Means, choose_within, rules_within
from decisionloop.contract import UseCase
from decisionloop.observe.cohort import money_figures
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.release_predictions import ReleasePredictions
from tests.monitor.watched import watched

AS_OF = pd.Timestamp("2026-03-02", tz="UTC")
PASS, STOP = 0, 1
FRAUD = 0.02
AMOUNTS = {"small": 20.0, "large": 200.0}
"""A payment earns 1.2 %, a fraud costs all of it; to stop one earns nothing. Rules stop the large ones."""


def payments(policy: dict[str, object] | None = None, guardrails: dict[str, object] | None = None) -> UseCase:
    """Stopping costs a unit of the budget, and shows no outcome."""
    return watched(
        actions=[
            {"name": "pass", "wording": "let it pass", "is_default": True, "reveals_outcome": True},
            {"name": "stop", "wording": "stop it", "is_favourable": True, "reveals_outcome": False},
        ],
        model={"action_as": "revealing_action"},
        economics={
            "constants": {"fee": 0.012},
            "value": {"pass": "where(outcome, -spend, fee * spend)", "stop": "0"},
        },
        policy={"holdout_share": 0.1} | (policy or {}),
        guardrails=guardrails or {},
    )


BUDGET = {"kind": "budget", "cost": {"stop": "1"}, "limit": 25}


def arrived(n: int, chance: np.random.Generator) -> tuple[pd.DataFrame, NDArray, NDArray]:
    """Payments, what the rules choose for them, and what letting each pass would bring."""
    spend = chance.choice([*AMOUNTS.values()], n, p=[0.9, 0.1])
    frame = pd.DataFrame({"client_id": [f"{i}" for i in range(n)], "spend": spend})
    is_fraud = chance.random(n) < np.where(spend > 100, 0.3, FRAUD)
    return frame, np.where(spend > 100, STOP, PASS), is_fraud


def logged(frame: pd.DataFrame, told: pd.DataFrame, outcome: NDArray) -> pd.DataFrame:
    """The log of what was decided (``told``), with what came of it (n,)."""
    return pd.DataFrame(
        {
            "decision_id": frame["client_id"],
            "entity_id": frame["client_id"],
            "role": told["role"],
            "action": np.array(["pass", "stop"])[told["action"]],
            "propensity": told["propensity"],
            "fallback_reason": pd.Series(told["fallback_reason"], dtype="str"),
            "outcome_class": outcome,
            "outcome_amount": np.nan,
        }
    )


def cohort_of(
    use_case: UseCase, frame: pd.DataFrame, is_fraud: NDArray, rules: NDArray, told: pd.DataFrame
) -> DecidedCohort:
    """What was decided (``told``: action, propensity, role, fallback_reason), and what came of it."""
    is_passed = (told["action"] == PASS).to_numpy()
    log = logged(frame, told, np.where(is_passed, is_fraud.astype(float), np.nan))
    predictions = ReleasePredictions(rules, "loans/rules/1", None, None, {})
    return DecidedCohort.of(use_case, log, frame, predictions, lambda: np.zeros((len(log), 2)))


def answering(
    frame: pd.DataFrame, outcome: NDArray, rules: NDArray, told: pd.DataFrame, values: NDArray
) -> DecidedCohort:
    """What a model decided, where whatever is done shows its outcome."""
    n, log = len(frame), logged(frame, told, outcome.astype(float))
    predictions = ReleasePredictions(rules, "loans/model/1", values, np.full(n, 0.2), {})
    return DecidedCohort.of(WRITES, log, frame, predictions, lambda: np.full((n, 2), 0.2))


def figures_of(cohort: DecidedCohort) -> dict[str, Estimate]:
    logged = cohort.logged(cohort.missing(LateArrivals.nothing(2)))
    return {one.monitor: one.estimate for one in money_figures(cohort.log, logged, cohort.rules, cohort.unexplored)}


def brought(frame: pd.DataFrame, is_fraud: NDArray, action: NDArray) -> NDArray:
    return np.where(action == STOP, 0.0, np.where(is_fraud, -frame["spend"], 0.012 * frame["spend"]))


def choice_frame(choices) -> pd.DataFrame:
    names = ("action", "propensity", "role", "fallback_reason")
    return pd.DataFrame({name: np.concatenate([getattr(one, name) for one in choices]) for name in names})


def situation_of(n: int, rules: NDArray) -> Situation:
    return Situation(np.full((n, 2), np.nan), rules, has_model=False)


@pytest.mark.parametrize("logs_what_rules_could", [True, False], ids=["as logged", "as logged before"])
def test_after_a_budget_of_the_period_is_spent_every_decision_counts(logs_what_rules_could: bool) -> None:
    """Of 1,000 rows the rules would stop some 100, and 25 can be paid."""
    use_case, n = payments({"constraints": [BUDGET]}), 1_000
    frame, rules, is_fraud = arrived(n, np.random.default_rng(1))
    situation, totals = situation_of(n, rules), BatchTotals.of(use_case, frame)
    within = choose_within(use_case, frame, AS_OF, situation, Means(np.array([25.0]), None, totals))
    told = choice_frame(within.choices)
    action = told["action"].to_numpy()
    assert (action == STOP).sum() == 25
    is_cut = (rules == STOP) & (action == PASS)
    assert ((told["fallback_reason"] == SPENT).to_numpy() == is_cut).all()
    could = rules_within(use_case, situation, rules, within.is_paid) if logs_what_rules_could else rules
    figures, money = figures_of(cohort_of(use_case, frame, is_fraud, could, told)), brought(frame, is_fraud, action)
    assert figures["value_policy"].n == n
    assert figures["value_policy"].value == pytest.approx(money.mean())
    assert figures["value_policy_total"].value == pytest.approx(money.sum())
    assert figures["value_rules_total"].value == pytest.approx(money.sum())  # for the rules pay like anybody
    for name in ("value_difference", "value_difference_total"):
        assert (figures[name].value, figures[name].low, figures[name].high) == (0.0, 0.0, 0.0)


def test_what_the_draw_of_a_batchs_limit_cut_counts_and_tells_what_the_rules_would_have_earned() -> None:
    """A quarter of what the rules would stop is within the largest cost; who that is is drawn."""
    use_case = payments({"constraints": [BUDGET]}, {"maximum_cost": 100})
    n, runs, chance = 4_000, 60, np.random.default_rng(2)
    policy, by_rules = [], []
    for run in range(runs):
        frame, rules, is_fraud = arrived(n, chance)
        choice = choose(use_case, frame, AS_OF + pd.Timedelta(days=run), situation_of(n, rules))
        assert (choice.action == STOP).sum() == 100
        figures = figures_of(cohort_of(use_case, frame, is_fraud, rules, choice_frame([choice])))
        assert figures["value_policy"].n == n
        money = brought(frame, is_fraud, choice.action)
        assert figures["value_policy"].value == pytest.approx(money.mean())
        policy.append(money.mean())
        by_rules.append(figures["value_rules"].value - brought(frame, is_fraud, rules).mean())
    error = np.std(by_rules) / np.sqrt(runs)
    assert abs(np.mean(by_rules)) < 4 * error + 1e-9
    assert abs(np.mean(by_rules)) < 0.2 * abs(np.mean(policy))


WRITES = watched(
    actions=[
        {"name": "pass", "wording": "nothing", "is_default": True, "reveals_outcome": True},
        {"name": "stop", "wording": "write", "is_favourable": True, "reveals_outcome": True},
    ],
    model={"action_as": "input"},
    economics={"constants": {"win": 50}, "value": {"pass": "0", "stop": "win * outcome - spend"}},
    policy={
        "holdout_share": 0.1,
        "exploration": {"kind": "uniform", "share": 0.2},
        "constraints": [BUDGET | {"limit": 150}],
    },
)
"""Here the second action is to write, which costs money, is of the budget and shows its outcome."""


def test_a_model_that_spends_a_budget_is_held_against_rules_who_pay_from_the_same_account() -> None:
    """A model writes to who answers, the rules to one in two; 150 of 1,000 letters are paid for."""
    n, runs, chance = 1_000, 60, np.random.default_rng(4)
    off, gained, is_cut = [], [], 0
    for run in range(runs):
        answers = chance.choice([0.1, 0.4], n)
        frame = pd.DataFrame({"client_id": [f"{i}" for i in range(n)], "spend": np.full(n, 10.0)})
        rules = chance.integers(0, 2, n)
        values = np.column_stack([np.zeros(n), 50 * answers - 10])
        totals, as_of = BatchTotals.of(WRITES, frame), AS_OF + pd.Timedelta(days=run)
        situation = Situation(values, rules, has_model=True, exploring=flat_share(WRITES, totals))
        within = choose_within(WRITES, frame, as_of, situation, Means(np.array([150.0]), None, totals))
        told = choice_frame(within.choices)
        action, is_held = told["action"].to_numpy(), (told["role"] == "holdout").to_numpy()
        could = rules_within(WRITES, situation, rules, within.is_paid)
        assert (action == STOP).sum() == 150
        is_cut += int((told["fallback_reason"] == SPENT).sum())
        outcome = chance.random(n) < answers
        cohort = answering(frame, outcome, could, told, values)
        figures = figures_of(cohort)
        money = np.where(action == STOP, 50.0 * outcome - 10, 0.0)
        assert figures["value_policy_total"].value == pytest.approx(money.sum())
        assert figures["value_policy_total"].n == n
        worth = 50 * answers - 10
        off.append(figures["value_rules_total"].value - np.where(could == STOP, worth, 0.0).sum())
        gained.append((np.where(action == STOP, worth, 0.0) - np.where(could == STOP, worth, 0.0))[~is_held].sum())
    assert is_cut > 0
    assert abs(np.mean(off)) < 4 * np.std(off) / np.sqrt(runs)
    assert abs(np.mean(off)) < 0.5 * np.mean(gained)
