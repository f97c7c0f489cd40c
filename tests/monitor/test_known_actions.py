"""What is done is compared with one action for everybody whose money is known: exactly, and without false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.labels import CohortLabels
from decisionloop.monitor.watching.watch_cohort import CohortsBefore, EarlierFigure, watch_cohort
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.known_actions import known_action_figures
from decisionloop.observe.label_curve import LabelCurve
from decisionloop.observe.release_predictions import ReleasePredictions
from tests.monitor.watched import CONTRACT

COMPLETE = CohortLabels(1_000, 1_000, 28.0, LabelCurve())


def machines(service_cost: float = 5.0, **allowed: str) -> UseCase:
    """Machines run until they fail, which costs 100, are serviced at a known price, or are watched closely."""
    content = yaml.safe_load(CONTRACT)
    content["outcome"]["class"] = {"column": "failed", "wording": "failed"}
    content["model"] = {"action_as": "input"}
    content["actions"] = [
        {"name": "run", "wording": "let it run", "is_default": True, "reveals_outcome": True},
        {"name": "service", "wording": "service it", "reveals_outcome": False, **allowed},
        {"name": "watch", "wording": "watch it", "reveals_outcome": True, "is_favourable": True},
    ]
    content["economics"] = {
        "currency": "EUR",
        "constants": {"failure": 100, "service": service_cost, "watching": 2},
        "value": {"run": "-outcome * failure", "service": "-service", "watch": "-watching - outcome * failure / 2"},
        "explanation": "A failure costs 100, half of that where it is seen to come.",
    }
    return parse_use_case(yaml.safe_dump(content), "loans")


def left_running(use_case: UseCase, rng: np.random.Generator, rate: float, n: int = 800) -> DecidedCohort:
    """A week of rules that let every machine run; a tenth is watched by exploration."""
    explored = rng.random(n) < 0.1
    log = pd.DataFrame(
        {
            "decision_id": np.arange(n).astype(str),
            "entity_id": np.arange(n).astype(str),
            "role": np.where(explored, "exploration", "baseline"),
            "action": np.where(explored, "watch", "run"),
            "propensity": np.where(explored, 0.1, 0.9),
            "fallback_reason": pd.Series([None] * n, dtype="str"),
            "outcome_class": (rng.random(n) < rate).astype(float),
            "outcome_amount": np.nan,
        }
    )
    frame = pd.DataFrame({"client_id": log["entity_id"], "spend": np.arange(n, dtype=float)})
    rules = ReleasePredictions(np.zeros(n, dtype=np.int64), "loans/rules/1", None, None, {})
    return DecidedCohort.of(use_case, log, frame, rules, lambda: pytest.fail("rules score nobody"))


def year(use_case: UseCase, rng: np.random.Generator, rate: float, weeks: int = 16) -> list[Finding]:
    """Everything that the value monitors found in the weeks of a year, as the loop watches them."""
    figures: list[EarlierFigure] = []
    found: list[Finding] = []
    for week in range(weeks):
        watched = watch_cohort(left_running(use_case, rng, rate), COMPLETE, CohortsBefore.of(figures, (), None))
        figures += [EarlierFigure(f"{week:02d}", one.monitor, one.estimate, one.slice) for one in watched.figures]
        found += [one for one in watched.findings if one.family == "value"]
    return found


def test_rules_that_lose_against_an_action_of_known_money_are_told() -> None:
    found = [one for one in year(machines(), np.random.default_rng(1), rate=0.12) if one.is_alarm]
    assert {(one.monitor, one.slice) for one in found} >= {("value_against_action", "action=service")}
    last = found[-1]
    assert last.stake == pytest.approx(0.9 * 12 + 0.1 * (2 + 6) - 5, abs=1.5)  # what running and watching cost more
    assert "“service it” for everybody would have earned" in last.words
    assert last.against == "action"
    assert "kill-switch" not in last.suggestion  # the switch gives the default action, which is another one


def test_where_the_default_action_is_the_better_one_the_switch_is_named() -> None:
    content = yaml.safe_load(CONTRACT)
    loans = parse_use_case(yaml.safe_dump(content), "loans")
    rng, n = np.random.default_rng(2), 1_500
    figures: list[EarlierFigure] = []
    for week in range(4):
        lost = (rng.random(n) < 0.5).astype(float)
        log = left_running(machines(), rng, 0.0, n).log.assign(action="lend", propensity=0.9, outcome_class=lost)
        frame = pd.DataFrame({"client_id": log["entity_id"], "spend": 1.0})
        rules = ReleasePredictions(np.ones(n, dtype=np.int64), "loans/rules/1", None, None, {})
        cohort = DecidedCohort.of(loans, log, frame, rules, lambda: pytest.fail("rules score nobody"))
        watched = watch_cohort(cohort, COMPLETE, CohortsBefore.of(figures, (), None))
        figures += [EarlierFigure(f"{week:02d}", one.monitor, one.estimate, one.slice) for one in watched.figures]
    (alarm,) = [one for one in watched.findings if one.is_alarm and one.monitor == "value_against_action"]
    assert "`decisionloop kill-switch loans default`" in alarm.suggestion
    assert alarm.stake == pytest.approx(15, abs=2)  # a loan earns 10 or loses 40, as often


@pytest.mark.exhaustive  # nine seconds; the benchmark of monitors measures it
def test_a_policy_that_is_no_worse_is_left_alone_in_every_week() -> None:
    """Running costs as much as a service: of 12 terms nearly none is told otherwise, at one false alarm a year."""
    rng, use_case = np.random.default_rng(3), machines(service_cost=0.9 * 5 + 0.1 * (2 + 2.5))
    told = [any(one.is_alarm for one in year(use_case, rng, rate=0.05)) for _ in range(12)]
    assert sum(told) <= 1


def test_the_figure_is_the_money_of_what_was_done_less_that_of_the_action() -> None:
    use_case = machines(allowed_if="spend >= 400")
    cohort = left_running(use_case, np.random.default_rng(4), rate=0.1)
    logged = logged_decisions(use_case, cohort.log, cohort.frame, None)
    (figure,) = known_action_figures(use_case, cohort.log, cohort.frame, logged)
    lost = -logged.money - 5
    may = (cohort.frame["spend"] >= 400).to_numpy()
    assert figure.slice == "action=service"
    assert figure.estimate.value == pytest.approx(-(lost * may).mean())  # who may not get it keeps what was done
    assert figure.estimate.low is not None
    assert figure.estimate.low < figure.estimate.value


def test_an_action_that_nobody_may_get_or_everybody_got_is_compared_with_nothing() -> None:
    never = machines(allowed_if="spend > 10_000")
    cohort = left_running(never, np.random.default_rng(5), rate=0.1)
    logged = logged_decisions(never, cohort.log, cohort.frame, None)
    assert not list(known_action_figures(never, cohort.log, cohort.frame, logged))
    always = cohort.log.assign(action="service")
    assert not list(
        known_action_figures(machines(), always, cohort.frame, logged_decisions(machines(), always, cohort.frame, None))
    )
