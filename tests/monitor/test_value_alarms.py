"""Value alarms: only a policy that is surely worse, however often one looks; and the figures of the business."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from decisionloop.monitor.alarm.budget import budget_of
from decisionloop.monitor.alarm.terms import Terms
from decisionloop.monitor.lifts import HoldoutLifts, RulesLifts
from decisionloop.monitor.value import (
    business_figures,
    holdout_lift,
    judge_value,
    value_alpha,
    window_alpha,
)
from decisionloop.observe.entity_lift import EntityMoney
from decisionloop.observe.estimate import Estimate
from tests.monitor.watched import watched

USE_CASE = watched()
BUDGET = budget_of(USE_CASE)


def cohorts(rng: np.random.Generator, looks: int, lift: float, n: int = 1_000) -> list[Estimate]:
    money = lift + rng.gamma(0.5, 2.0, (looks, n)) - 1.0
    error = money.std(axis=1) / np.sqrt(n)
    return [Estimate(m, m - 1.96 * e, m + 1.96 * e, n, n, 0.95) for m, e in zip(money.mean(axis=1), error, strict=True)]


def returning_people(
    rng: np.random.Generator, looks: int, lift: float, people: int = 1_200, lasting: float = 1.0
) -> tuple[EntityMoney, ...]:
    """Everybody comes to every cohort; a tenth is held out, and what a person is worth lasts."""
    person, held = lasting * rng.lognormal(0, 1, people), np.arange(people) % 10 == 0
    return tuple(
        EntityMoney(np.arange(people), person + rng.gamma(0.5, 2.0, people) - 1.0 + lift * ~held, held)
        for _ in range(looks)
    )


def over_rules(estimates: list[Estimate]) -> list[RulesLifts]:
    return [RulesLifts(tuple(estimates))]


def first_alarm(estimates: list[Estimate], monitor: str = "", use_case=USE_CASE) -> int | None:
    """The look at which a monitor whose name begins so alarms first."""
    for look in range(2, len(estimates) + 1):
        found = judge_value(Terms.of(use_case), over_rules(estimates[:look]))
        if any(one.is_alarm and one.monitor.startswith(monitor) for one in found):
            return look
    return None


def alarms_at_any_look(estimates: list[Estimate], use_case=USE_CASE) -> bool:
    return first_alarm(estimates, use_case=use_case) is not None


def test_a_policy_as_good_as_the_rules_is_left_alone_at_every_look() -> None:
    rng = np.random.default_rng(1)
    assert sum(alarms_at_any_look(cohorts(rng, 26, 0.0)) for _ in range(150)) <= 5  # one-sided 1.6 % for life


def test_a_policy_that_loses_money_is_found() -> None:
    rng = np.random.default_rng(2)
    assert all(alarms_at_any_look(cohorts(rng, 26, -0.25)) for _ in range(20))
    cheap = watched(monitors={"minimum_money": 0.5})
    assert not any(alarms_at_any_look(cohorts(rng, 26, -0.25), cheap) for _ in range(20))


def test_the_finding_says_what_was_lost_against_whom() -> None:
    rng = np.random.default_rng(3)
    worse = RulesLifts(tuple(cohorts(rng, 12, -0.5)))
    better = HoldoutLifts(returning_people(rng, 12, 0.9))
    found = {one.monitor: one for one in judge_value(Terms.of(USE_CASE, release_id="r1"), [worse, better])}
    rules, holdout = found["value_against_rules"], found["value_against_holdout"]
    assert (rules.is_alarm, holdout.is_alarm) == (True, False)
    assert (found["value_lately_against_rules"].is_alarm, found["value_lately_against_holdout"].is_alarm) == (
        True,
        False,
    )
    assert rules.stake == pytest.approx(0.5, abs=0.1)
    assert holdout.stake == 0
    sequence = worse.sequence()
    assert sequence is not None
    assert rules.figure == sequence.estimate
    assert "Over 12 cohorts a decision earned \N{MINUS SIGN}€0.5" in rules.words
    assert judge_value(Terms.of(USE_CASE), over_rules([])) == ()


def test_people_who_return_are_compared_with_the_holdout_as_one_each() -> None:
    """The same figure from cohorts that are each taken for new people would be sure long before it is right."""
    rng, alarms = np.random.default_rng(4), []
    for lift in (0.0, -1.2):
        years = [HoldoutLifts(returning_people(rng, 26, lift)) for _ in range(40)]
        alarms.append(sum(any(one.is_alarm for one in judge_value(Terms.of(USE_CASE), [year])) for year in years))
    assert alarms[0] <= 2
    assert alarms[1] >= 36


def test_a_good_beginning_hides_no_losses_that_came_later() -> None:
    rng = np.random.default_rng(4)
    turned = [*cohorts(rng, 30, 0.4), *cohorts(rng, 52, -0.2)]
    lately = first_alarm(turned, "value_lately_against_rules")
    assert lately is not None
    assert 30 < lately <= 30 + 26
    assert first_alarm(turned, "value_against_rules") is None  # 12 earned and 10 lost: over its life nothing is wrong
    found = judge_value(Terms.of(USE_CASE), over_rules(turned[:lately]))
    (words,) = (one.words for one in found if one.monitor == "value_lately_against_rules")
    assert re.match("Over the last (4|13) cohorts a decision earned \N{MINUS SIGN}€0", words)


def test_a_model_that_loses_much_after_a_good_beginning_is_found_within_five_cohorts() -> None:
    """A world that turned round cost a stranger ten weeks: a quarter was the shortest time that was looked at."""
    rng = np.random.default_rng(8)
    for _ in range(10):
        lately = first_alarm([*cohorts(rng, 8, 0.6), *cohorts(rng, 9, -0.6)], "value_lately_against_rules")
        assert lately is not None
        assert 8 < lately <= 8 + 5


def test_a_year_of_looks_at_the_last_cohorts_keeps_its_half_of_the_budget() -> None:
    generous = watched(monitors={"budgets": {"value": 4.0}, "false_alarms_per_year": 5.0})
    assert window_alpha(generous, budget_of(generous)) * 9 * 365 / 7 == pytest.approx(2.0)
    rng, alarms, years = np.random.default_rng(6), 0, 12
    for _ in range(years):
        estimates = cohorts(rng, 26 + 52, 0.0, n=250)
        for look in range(27, len(estimates) + 1):
            found = judge_value(Terms.of(generous), over_rules(estimates[:look]))
            alarms += sum(one.is_alarm and "lately" in one.monitor for one in found)
    assert alarms / years <= 2.0


def test_the_error_for_life_keeps_the_budget_of_a_year_of_releases() -> None:
    alpha = value_alpha(USE_CASE, BUDGET)
    releases = 365 / USE_CASE.monitors.retrain_every_days
    assert alpha * 3 * releases == pytest.approx(BUDGET.false_alarms["value"] / 2)  # the other half is for windows
    rich = watched(monitors={"budgets": {"value": 0.9}, "retrain_every_days": 730})
    assert value_alpha(rich, budget_of(rich)) == 0.05


def test_the_lift_over_the_holdout_is_a_figure() -> None:
    side = Estimate(2.0, 1.0, 3.0, 900, 900.0, 0.95)
    figure = holdout_lift(side, side)
    assert (figure.monitor, figure.estimate.value) == ("value_holdout_difference", 0.0)


def log_of(rows: list[tuple[str, str, float]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    log = pd.DataFrame(rows, columns=["role", "action", "outcome_class"])
    ids = [f"c{place}" for place in range(len(log))]
    log = log.assign(entity_id=ids, outcome_amount=np.nan, fallback_reason=None, propensity=0.95)
    return log, pd.DataFrame({"spend": np.full(len(log), 10.0)})


def told(use_case, log: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Estimate]:
    return {figure.monitor: figure.estimate for figure in business_figures(use_case, log, frame)}


def test_false_positives_cost_what_their_actions_lost() -> None:
    log, frame = log_of(
        [("champion", "lend", 1.0)] * 2
        + [("champion", "lend", 0.0)] * 5
        + [("champion", "lend", np.nan)]
        + [("champion", "hold", np.nan)] * 8
        + [("holdout", "lend", 1.0)] * 50
    )
    figures = told(USE_CASE, log, frame)
    # 2 of 7 known loans lost 40 each; the eighth counts as they did; 16 decisions in all.
    assert figures["false_positive_cost"].value == pytest.approx(8 * (2 / 7) * 40 / 16)
    assert figures["conversion"].value == pytest.approx(2 / 7)
    assert figures.keys() == {"false_positive_cost", "conversion"}  # holding reveals nothing: no lift can be told


def test_where_every_action_reveals_the_lift_in_conversion_is_told() -> None:
    offers = watched(
        outcome={"amount": {"column": "spent", "unit": "EUR"}},
        actions=[
            {"name": "none", "wording": "nothing", "is_default": True, "reveals_outcome": True},
            {"name": "offer", "wording": "offer", "is_favourable": True, "reveals_outcome": True},
        ],
        model={"action_as": "input"},
        economics={"value": {"none": "amount", "offer": "amount - 2"}},
        policy={"constraints": [{"kind": "budget", "cost": {"offer": "2"}, "limit": 1000}]},
    )
    rng = np.random.default_rng(5)
    n = 2_000
    is_holdout, offered = np.arange(n) >= 1_600, rng.random(n) < 0.5
    bought = (rng.random(n) < np.where(is_holdout, 0.2, 0.3)).astype(float)
    log = pd.DataFrame(
        {
            "entity_id": [f"c{place}" for place in range(n)],
            "role": np.where(is_holdout, "holdout", "champion"),
            "action": np.where(offered, "offer", "none"),
            "outcome_class": bought,
            "outcome_amount": bought * 30.0,
            "fallback_reason": None,
            "propensity": 0.95,
        }
    )
    figures = told(offers, log, pd.DataFrame({"spend": np.full(n, 10.0)}))
    lift = figures["conversion_lift"]
    assert lift.low < 0.1 < lift.high
    assert lift.low > 0
    policy = ~is_holdout
    assert figures["revenue_per_decision"].value == pytest.approx(30 * bought[policy].mean())
    assert figures["false_positive_cost"].value == pytest.approx(2 * (offered & (bought == 0))[policy].mean())
    ratio = figures["acquisition_cost_ratio"]
    assert ratio.value == pytest.approx(2 * offered[policy].sum() / (30 * bought[policy].sum()))
    assert 0 < ratio.low < ratio.value < ratio.high
