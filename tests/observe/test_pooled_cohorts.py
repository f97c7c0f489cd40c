"""What cohorts are too small to tell each, all of them tell together, as if they were one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.observe.cohort import Figure, money_figures
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.late_arrivals import LateArrivals
from decisionloop.observe.pooled_cohorts import pooled_money
from decisionloop.observe.release_predictions import ReleasePredictions
from tests.monitor.watched import watched

LOANS = watched()
NOTHING_LATE = LateArrivals.nothing(2)
EXPLORED, RISK = 0.1, 0.1
TRUE_GAIN = EXPLORED * (10 - 50 * RISK)
"""A loan earns 10 and loses 40 where it fails; the rules lend to nobody."""


def declined(rng: np.random.Generator, n: int) -> DecidedCohort:
    """The rules lend to nobody, and a tenth gets a loan all the same."""
    lends = rng.random(n) < EXPLORED
    fails = (rng.random(n) < RISK).astype(float)
    log = pd.DataFrame(
        {
            "decision_id": rng.integers(0, 2**60, n).astype(str),
            "entity_id": rng.integers(0, 2**60, n).astype(str),
            "role": np.where(lends, "exploration", "baseline"),
            "action": np.where(lends, "lend", "hold"),
            "propensity": np.where(lends, EXPLORED, 1 - EXPLORED),
            "fallback_reason": pd.Series([None] * n, dtype="str"),
            "outcome_class": np.where(lends, fails, np.nan),
            "outcome_amount": np.nan,
        }
    )
    rules = np.full(n, LOANS.action_names.index("hold"))
    predictions = ReleasePredictions(rules, "loans/rules/1", None, None, {})
    frame = pd.DataFrame({"client_id": log["entity_id"], "spend": 1.0})
    return DecidedCohort.of(LOANS, log, frame, predictions, lambda: pytest.fail("rules score nobody"))


def figures_of(cohort: DecidedCohort) -> list[Figure]:
    logged = cohort.logged(cohort.missing(NOTHING_LATE))
    return list(money_figures(cohort.log, logged, cohort.rules, cohort.unexplored))


def gain(figures: list[Figure]) -> Estimate:
    return {one.monitor: one.estimate for one in figures}["value_difference_total"]


def test_cohorts_pooled_are_as_one_cohort_of_all_their_decisions() -> None:
    parts = [declined(np.random.default_rng(seed), 60) for seed in range(8)]
    one = DecidedCohort.of(
        LOANS,
        pd.concat([part.log for part in parts], ignore_index=True),
        pd.concat([part.frame for part in parts], ignore_index=True),
        ReleasePredictions(np.concatenate([part.rules for part in parts]), "loans/rules/1", None, None, {}),
        lambda: pytest.fail("rules score nobody"),
    )
    whole = {figure.monitor: figure.estimate for figure in figures_of(one)}
    pooled = {figure.monitor: figure.estimate for figure in pooled_money(parts, NOTHING_LATE)}
    assert set(pooled) == {"value_policy_total", "value_rules_total", "value_difference_total", "exploration_cost"}
    assert pooled == {name: whole[name] for name in pooled}


def test_what_no_cohort_can_tell_alone_the_pool_tells_and_its_interval_holds_the_truth() -> None:
    untold, told, held = 0, 0, 0
    for seed in range(100):
        rng = np.random.default_rng([7, seed])
        parts = [declined(rng, 40) for _ in range(10)]
        if seed < 10:
            untold += sum(not gain(figures_of(part)).is_known for part in parts)
        pooled = gain(list(pooled_money(parts, NOTHING_LATE)))
        if pooled.low is not None and pooled.high is not None:
            told += 1
            held += pooled.low <= 400 * TRUE_GAIN <= pooled.high
    assert untold >= 95  # of 100: some four loans each
    assert told >= 95
    assert held / told >= 0.92
