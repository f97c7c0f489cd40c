"""Rules are held against the default action without what is explored; stopped, that is held against them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.labels import CohortLabels
from decisionloop.monitor.watching.watch_cohort import CohortsBefore, EarlierFigure, watch_cohort
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.entity_lift import EntityMoney
from decisionloop.observe.known_actions import RULES_OVER_DEFAULT, rules_over_default
from decisionloop.observe.label_curve import LabelCurve
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.release_predictions import ReleasePredictions
from tests.monitor.watched import CONTRACT

COMPLETE = CohortLabels(1_000, 1_000, 28.0, LabelCurve())
LOANS = parse_use_case(CONTRACT, "loans")
STOPPED = "loans/default_action/1"
EXPLORED, HELD = 0.1, 0.15
BREAK_EVEN = 0.2  # a loan earns 10 or loses 40


def lending(rng: np.random.Generator, rate: float, decides: str = "loans/rules/1", n: int = 900) -> DecidedCohort:
    """A week of rules that lend to everybody, or are stopped; ``rate`` of the loans are lost."""
    is_stopped = decides == STOPPED
    held, explored = np.arange(n) < HELD * n, rng.random(n) < EXPLORED
    lends = np.where(held, True, explored if is_stopped else ~explored)
    lost = np.where(lends, (rng.random(n) < rate).astype(float), np.nan)
    log = pd.DataFrame(
        {
            "decision_id": np.arange(n).astype(str),
            "entity_id": np.arange(n).astype(str),
            "role": np.where(held, "holdout", np.where(explored, "exploration", "baseline")),
            "action": np.where(lends, "lend", "hold"),
            "propensity": np.where(held, 1.0, np.where(explored, EXPLORED, 1 - EXPLORED)),
            "fallback_reason": pd.Series([None] * n, dtype="str"),
            "outcome_class": lost,
            "outcome_amount": np.nan,
        }
    )
    frame = pd.DataFrame({"client_id": log["entity_id"], "spend": 1.0})
    rules = np.full(n, LOANS.action_names.index("lend"))
    told = ReleasePredictions(rules, decides, None, None, {}, are_rules_stopped=is_stopped)
    return DecidedCohort.of(LOANS, log, frame, told, lambda: pytest.fail("rules score nobody"))


def weeks(rng: np.random.Generator, rate: float, decides: str, many: int, use_case: UseCase = LOANS) -> list[Finding]:
    """The money alarms of so many weeks in a row, as the loop watches them."""
    figures: list[EarlierFigure] = []
    entities: list[EntityMoney] = []
    found: list[Finding] = []
    for week in range(many):
        before = CohortsBefore.of(figures, (), None, entities)
        watched = watch_cohort(lending(rng, rate, decides), COMPLETE, before)
        figures += [EarlierFigure(f"{week:02d}", one.monitor, one.estimate, one.slice) for one in watched.figures]
        entities += [] if watched.entities is None else [watched.entities]
        found += [one for one in watched.findings if one.family == "value" and one.is_alarm]
    return found


@pytest.mark.parametrize("decides", ["loans/rules/1", STOPPED])
def test_the_figure_is_what_the_rules_would_have_earned_whoever_decides(decides: str) -> None:
    rng, told = np.random.default_rng(7), []
    for _ in range(100):
        cohort = lending(rng, 0.5, decides)
        logged = cohort.logged(cohort.missing(LateArrivals.nothing(2)))
        told += [one.estimate for one in rules_over_default(LOANS, cohort.log, cohort.frame, logged, cohort.rules)]
    truth = 10 - 50 * 0.5
    assert np.mean([one.value for one in told]) == pytest.approx(truth, abs=1.0)
    assert sum(one.low <= truth <= one.high for one in told) >= 90  # 95 % intervals


def test_rules_that_lose_are_told_and_the_default_action_that_loses_is_too() -> None:
    rng = np.random.default_rng(8)
    assert {one.against for one in weeks(rng, 0.6, "loans/rules/1", 5)} == {"action", "default"}
    assert weeks(rng, 0.05, "loans/rules/1", 5) == []
    assert {one.against for one in weeks(rng, 0.02, STOPPED, 7)} >= {"holdout"}
    assert weeks(rng, 0.6, STOPPED, 7) == []  # it is right where it is


def test_what_exploring_costs_stops_no_rules() -> None:
    """They lend to nobody and earn nothing; what is tried is lost, and is no loss of theirs."""
    rng, figures, found = np.random.default_rng(9), list[EarlierFigure](), list[Finding]()
    for week in range(6):
        cohort = lending(rng, 0.9, STOPPED)
        log = cohort.log.assign(action=cohort.log["action"].where(cohort.log["role"] != "holdout", "hold"))
        hold = np.full(len(log), LOANS.action_names.index("hold"))
        told = ReleasePredictions(hold, "loans/rules/1", None, None, {})
        rules = DecidedCohort.of(LOANS, log, cohort.frame, told, lambda: pytest.fail("rules score nobody"))
        watched = watch_cohort(rules, COMPLETE, CohortsBefore.of(figures, (), None))
        figures += [EarlierFigure(f"{week:02d}", one.monitor, one.estimate, one.slice) for one in watched.figures]
        found += [one for one in watched.findings if one.family == "value" and one.is_alarm]
    assert RULES_OVER_DEFAULT not in {one.monitor for one in figures}
    assert {one.against for one in found} == {"action"}  # people are told of it


@pytest.mark.parametrize(("lives", "many"), [(4, 7), pytest.param(40, 52, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("decides", ["loans/rules/1", STOPPED])
def test_rules_that_are_worth_as_much_are_hardly_ever_stopped_nor_brought_back(
    decides: str, lives: int, many: int
) -> None:
    """The worst case of a wrong alarm: at break-even, within the budget of one a year for all monitors together."""
    rng = np.random.default_rng(10)
    told = [bool(weeks(rng, BREAK_EVEN, decides, many)) for _ in range(lives)]
    assert sum(told) <= 1
