"""A replayed experiment whose log is blank where it matters: the figure is biased, and its bounds hold the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.observe.cohort import logged_decisions, money_figures
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.missing_outcomes import is_outcome_missing, missing_outcomes
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.outcome_rate import outcome_rate
from decisionloop.observe.paired_gains import gain_rows
from tests.monitor.watched import CONTRACT

RATE = 0.2


def machines() -> UseCase:
    """Two ways to run a machine, of which a failure costs 100 or 40; an experiment drew one for each, at random."""
    content = yaml.safe_load(CONTRACT)
    content["model"] = {"action_as": "input"}
    content["actions"] = [
        {"name": "fast", "wording": "run it fast", "is_default": True, "reveals_outcome": True},
        {"name": "slow", "wording": "run it slowly", "reveals_outcome": True},
    ]
    content["economics"] = {
        "currency": "EUR",
        "value": {"fast": "20 - outcome * 100", "slow": "5 - outcome * 40"},
        "explanation": "A failure costs less at low speed.",
    }
    content["source"] = {
        "kind": "randomised_log_replay",
        "log": {"path": "log.csv", "time": "at"},
        "action": "done",
        "propensity": "chance",
        "outcome_time": "seen_at",
    }
    return parse_use_case(yaml.safe_dump(content), "loans")


USE_CASE = machines()


def cohort(rng: np.random.Generator, blank: tuple[float, float], n: int = 1_500) -> pd.DataFrame:
    """Everybody was to run fast; half of them meet a case that did, whose outcome is left out at a rate by outcome."""
    outcome = (rng.random(n) < RATE).astype(float)
    is_met = rng.random(n) < 0.5
    is_blank = rng.random(n) < np.where(outcome == 1, blank[1], blank[0])
    return pd.DataFrame(
        {
            "decision_id": np.arange(n).astype(str),
            "entity_id": np.arange(n).astype(str),
            "role": "baseline",
            "action": "fast",
            "propensity": 1.0,
            "fallback_reason": pd.Series([None] * n, dtype="str"),
            "outcome_class": np.where(is_met & ~is_blank, outcome, np.nan),
            "outcome_amount": np.nan,
            "outcome_revision": np.where(is_met, 1.0, np.nan),
        }
    )


def told(log: pd.DataFrame) -> tuple[Estimate, Estimate]:
    """Money a decision, and the rate of failures."""
    frame = pd.DataFrame({"client_id": log["entity_id"], "spend": 1.0})
    missing = missing_outcomes(USE_CASE, log, frame, LateArrivals.nothing(2))
    logged = logged_decisions(USE_CASE, log, frame, None, missing)
    rules = np.zeros(len(log), dtype=np.int64)
    figures = {one.monitor: one.estimate for one in money_figures(log, logged, rules, one_hot(rules, 2))}
    return figures["value_policy"], outcome_rate(log["outcome_class"].to_numpy(), missing)


def test_bounds_hold_what_the_interval_of_those_that_are_known_does_not() -> None:
    rng, truth = np.random.default_rng(1), (20 - RATE * 100, RATE)
    held, claimed = np.zeros(2), np.zeros(2)
    for _ in range(60):
        for place, one in enumerate(told(cohort(rng, blank=(0.25, 0.05)))):
            assert one.bounds is not None
            assert one.bounds.low is not None
            assert one.bounds.high is not None
            held[place] += one.bounds.low <= truth[place] <= one.bounds.high
            claimed[place] += one.low <= truth[place] <= one.high
    assert (held >= 57).all()
    assert (claimed < 45).all()  # so that a bound is needed


def test_bounds_are_as_wide_as_the_blanks_make_them() -> None:
    """A fifth of the cases that were met is blank: at worst all of them failed, at best none."""
    log = cohort(np.random.default_rng(2), blank=(0.2, 0.2), n=40_000)
    money, rate = told(log)
    assert money.bounds is not None
    assert rate.bounds is not None
    assert money.bounds.missing == pytest.approx(0.1 * 40_000, rel=0.05)
    assert money.bounds.low == pytest.approx(20 - 100 * (0.8 * RATE + 0.2), abs=2)
    assert money.bounds.high == pytest.approx(20 - 100 * 0.8 * RATE, abs=2)
    assert (rate.bounds.low, rate.bounds.high) == (
        pytest.approx(0.8 * RATE, abs=0.02),
        pytest.approx(0.8 * RATE + 0.2, abs=0.02),
    )


def test_what_the_draw_does_not_show_is_not_missing() -> None:
    log = cohort(np.random.default_rng(3), blank=(0.0, 0.0))
    assert not is_outcome_missing(USE_CASE, log).any()
    assert all(one.bounds is None for one in told(log))


def test_one_blank_case_makes_no_gain_of_what_the_draw_did_not_show() -> None:
    """The model thinks that slow earns 10 more; it earns 3 less. A half of the draws shows it, whoever is missing."""
    rng, n = np.random.default_rng(4), 20_000
    log = cohort(rng, blank=(0.0, 0.0), n=n)
    action = np.where(rng.random(n) < 0.5, "fast", "slow")
    log = log.assign(action=action, propensity=0.5, role="exploration")
    first = int(log["outcome_class"].first_valid_index())
    log.loc[first, "outcome_class"] = np.nan
    frame = pd.DataFrame({"client_id": log["entity_id"], "spend": 1.0})
    missing = missing_outcomes(USE_CASE, log, frame, LateArrivals.nothing(2))
    assert missing.count == 1
    expected = np.tile([0.0, 10.0], (n, 1))
    logged = logged_decisions(USE_CASE, log, frame, expected, missing)
    moved = np.tile([-1.0, 1.0], (n, 1))
    assert gain_rows(logged, moved, np.arange(n)).within().mean == pytest.approx(-3, abs=1)
