"""Money that is told is everybody's, the holdout's and that of faults too; a gain is the policy's over the rules alone.

Few wins that are large lie on one side or the other by chance: told of a part they mislead about the whole.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from decisionloop.act.situation import DEFAULT_FOR_ALL
from decisionloop.monitor.labels import CohortLabels
from decisionloop.monitor.watching.watch_cohort import CohortsBefore, watch_cohort
from decisionloop.observe.cohort import money_figures
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.label_curve import LabelCurve
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.left_out import left_out_figures
from decisionloop.observe.release_predictions import ReleasePredictions
from tests.monitor.watched import watched

WIN, PRICE, RISK, HELD = 5_000.0, 10.0, 0.01, 0.3
WORTH = RISK * WIN - PRICE
"""What it is worth to write to somebody: one in a hundred brings 5,000, and a letter costs 10."""
LETTERS = watched(
    actions=[
        {"name": "hold", "wording": "nothing", "is_default": True, "reveals_outcome": True},
        {"name": "write", "wording": "write", "is_favourable": True, "reveals_outcome": True},
    ],
    model={"action_as": "input"},
    economics={"constants": {"win": WIN, "price": PRICE}, "value": {"hold": "0", "write": "win * outcome - price"}},
    policy={"holdout_share": HELD},
)
HOLD, WRITE = 0, 1


def decided(
    chance: np.random.Generator, n: int, explored: float = 0.0, by_model: NDArray | None = None, faults: float = 0.0
) -> DecidedCohort:
    """The rules write to everybody; a model in their place to those of ``by_model`` (n,). A share is held out, and of
    some of the others a fault sends the row to the rules."""
    is_held = chance.random(n) < HELD
    is_fault = ~is_held & (chance.random(n) < faults)
    preferred = np.full(n, WRITE) if by_model is None else by_model.astype(int)
    is_explored = ~is_held & ~is_fault & (chance.random(n) < explored)
    own = np.where(is_explored, 1 - preferred, preferred)
    action = np.where(is_held | is_fault, WRITE, own)
    propensity = np.where(is_held | is_fault, 1.0, np.where(is_explored, explored, 1 - explored))
    decides = "baseline" if by_model is None else "champion"
    role = np.where(is_held, "holdout", np.where(is_explored, "exploration", np.where(is_fault, "baseline", decides)))
    log = pd.DataFrame(
        {
            "decision_id": np.arange(n).astype(str),
            "entity_id": np.arange(n).astype(str),
            "role": role,
            "action": np.where(action == WRITE, "write", "hold"),
            "propensity": propensity,
            "fallback_reason": pd.Series(np.where(is_fault, "row fault", None), dtype="str"),
            "outcome_class": np.where(action == WRITE, chance.random(n) < RISK, False).astype(float),
            "outcome_amount": np.nan,
        }
    )
    frame = pd.DataFrame({"client_id": log["entity_id"], "spend": 1.0})
    values = None if by_model is None else np.column_stack([np.zeros(n), np.where(by_model, 1.0, -1.0)])
    score = None if by_model is None else np.full(n, RISK)
    release = "loans/rules/1" if by_model is None else "loans/model/1"
    predictions = ReleasePredictions(np.full(n, WRITE), release, values, score, {})
    return DecidedCohort.of(LETTERS, log, frame, predictions, lambda: np.full((n, 2), RISK))


def told(cohort: DecidedCohort) -> dict[str, Estimate]:
    logged = cohort.logged(cohort.missing(LateArrivals.nothing(2)))
    figures = money_figures(cohort.log, logged, cohort.rules, cohort.unexplored)
    return {one.monitor: one.estimate for one in figures}


def brought(cohort: DecidedCohort) -> NDArray:
    return np.where(cohort.taken == WRITE, WIN * cohort.outcome - PRICE, 0.0)


def test_where_the_rules_decide_for_everybody_everybody_is_counted() -> None:
    """Also where all who won were held out."""
    cohort = decided(np.random.default_rng(3), 400)
    wins, is_held = cohort.outcome == 1, cohort.log["role"].to_numpy() == "holdout"
    cohort.log["outcome_class"] = np.where(is_held & (np.cumsum(is_held) <= wins.sum()), 1.0, 0.0)
    money, figures = wins.sum() * WIN - 400 * PRICE, told(cohort)
    assert figures["value_policy_total"].value == pytest.approx(money)
    assert figures["value_rules_total"].value == pytest.approx(money)
    assert figures["value_policy"].value == pytest.approx(money / 400)
    assert figures["value_policy_total"].n == 400
    for name in ("value_difference", "value_difference_total"):
        assert (figures[name].value, figures[name].low, figures[name].high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("by_model", [False, True], ids=["rules", "model"])
def test_the_money_is_the_sum_of_what_everybody_brought_and_the_gain_that_of_the_policy(by_model: bool) -> None:
    chance = np.random.default_rng(5)
    n = 4_000
    cohort = decided(chance, n, 0.1, chance.random(n) < 0.5 if by_model else None, faults=0.05)
    money, figures, free = brought(cohort), told(cohort), cohort.is_free
    assert 0 < (~free).sum() < n
    assert figures["value_policy_total"].value == pytest.approx(money.sum())
    assert figures["value_policy"].value == pytest.approx(money.mean())
    assert figures["value_holdout"].value == pytest.approx(money[cohort.log["role"] == "holdout"].mean())
    difference = figures["value_policy_total"].value - figures["value_rules_total"].value
    assert figures["value_difference_total"].value == pytest.approx(difference)
    assert figures["value_difference"].value == pytest.approx(difference / free.sum())  # a decision of its own
    assert (figures["value_policy"].n, figures["value_difference"].n) == (n, free.sum())


def test_the_gain_is_the_same_whoever_was_held_out_beside_it() -> None:
    chance = np.random.default_rng(6)
    cohort = decided(chance, 4_000, 0.1, chance.random(4_000) < 0.5, faults=0.05)
    free = cohort.is_free
    alone = DecidedCohort.of(
        LETTERS,
        cohort.log[free].reset_index(drop=True),
        cohort.frame[free].reset_index(drop=True),
        ReleasePredictions(
            cohort.rules[free], "loans/model/1", cohort.predictions.values[free], np.full(free.sum(), RISK), {}
        ),
        lambda: np.full((free.sum(), 2), RISK),
    )
    whole, own = told(cohort), told(alone)
    for name in ("value_difference", "value_difference_total", "exploration_cost"):
        assert whole[name] == own[name]


def test_intervals_of_everybodys_money_hold_the_truth_as_often_as_they_promise() -> None:
    """Of the expected money of everybody: of the loop, whose model leaves out half, and of the rules."""
    n, runs, chance = 3_000, 200, np.random.default_rng(7)
    held = np.zeros((runs, 2), dtype=bool)
    for run in range(runs):
        cohort = decided(chance, n, 0.2, chance.random(n) < 0.5, faults=0.05)
        truth = (WORTH * float((cohort.taken == WRITE).mean()), WORTH)
        figures = told(cohort)
        for place, name in enumerate(("value_policy", "value_rules")):
            held[run, place] = figures[name].low <= truth[place] <= figures[name].high
    assert (held.mean(axis=0) >= 0.92).all()


def test_where_nobody_is_left_to_a_policy_the_rules_money_is_told_and_nothing_is_gained() -> None:
    """The kill switch is on."""
    cohort = decided(np.random.default_rng(8), 400, faults=1.0)
    figures, money = told(cohort), brought(cohort).sum()
    assert figures["value_policy_total"].value == pytest.approx(money)
    assert figures["value_rules_total"].value == pytest.approx(money)
    assert figures["value_difference_total"].value == 0.0
    assert "value_difference" not in figures
    assert "exploration_cost" not in figures


def test_what_a_switch_gave_instead_of_the_rules_is_not_counted() -> None:
    cohort = decided(np.random.default_rng(9), 400, faults=0.2)
    is_fault = cohort.is_fallback
    cohort.log.loc[is_fault, "action"] = "hold"
    cohort.log.loc[is_fault, "outcome_class"] = 0.0
    cohort.log.loc[np.flatnonzero(is_fault)[:3], "fallback_reason"] = DEFAULT_FOR_ALL
    assert told(cohort)["value_policy_total"].n == 400 - is_fault.sum()
    left_out = left_out_figures(cohort, cohort.logged(cohort.missing(LateArrivals.nothing(2))))
    many = {one.slice: one.estimate.value for one in left_out}
    assert many == {"by=switch": 3, "by=fault": is_fault.sum() - 3}


def test_where_all_count_nobody_is_said_to_be_left_out() -> None:
    cohort = decided(np.random.default_rng(9), 400, 0.1, faults=0.2)
    assert not [*left_out_figures(cohort, cohort.logged(cohort.missing(LateArrivals.nothing(2))))]


def watch(cohort: DecidedCohort) -> dict[str, Estimate]:
    n = len(cohort.log)
    found = watch_cohort(cohort, CohortLabels(n, n, 28.0, LabelCurve()), CohortsBefore(0.7))
    return {one.monitor: one.estimate for one in found.figures if one.slice == "all"}


def test_the_lift_over_the_holdout_is_nothing_while_the_rules_decide_and_a_models_own_when_it_does() -> None:
    chance = np.random.default_rng(10)
    rules, model = (decided(chance, 4_000, 0.1, who) for who in (None, chance.random(4_000) < 0.5))
    lifts = ("value_holdout_difference", "conversion_lift")
    by_rules, by_model = watch(rules), watch(model)
    assert [(by_rules[one].value, by_rules[one].low, by_rules[one].high) for one in lifts] == [(0.0, 0.0, 0.0)] * 2
    money, is_held = brought(model), model.log["role"].to_numpy() == "holdout"
    assert by_model[lifts[0]].value == pytest.approx(money[~is_held].mean() - money[is_held].mean())
    assert by_model[lifts[1]].value == pytest.approx(model.outcome[~is_held].mean() - model.outcome[is_held].mean())
