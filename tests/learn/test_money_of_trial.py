"""What a trial shows proves a gain that rare exploring before it cannot, and lets nobody worse pass more often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchmarks.missing_world
from decisionloop.contract import UseCase
from decisionloop.learn.comparison import opened, rows_of
from decisionloop.learn.gate_money import check_money
from decisionloop.learn.logged_batches import LoggedBatches
from decisionloop.learn.money_at_look import PART_OF_TRIAL, MoneyAtLook, money_at_look
from decisionloop.learn.money_of_trial import LATELY, money_of_trial
from decisionloop.learn.seen_outcomes import Policies
from decisionloop.observe.off_policy import one_hot
from tests.learn.missing_gates import STAKE, START, WEEK, contract
from tests.learn.test_gate import GOOD, RULES

BEFORE, SELDOM, TRIAL, N = 4, 4, 6, 400
"""Weeks before the comparison was opened, explored often; then weeks of a model that hardly explores; the trial."""
OFTEN, RARE, SHARE = 0.2, 0.004, 0.15


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    return contract(Path(benchmarks.missing_world.__file__).parent)


@dataclass(frozen=True, eq=False)
class Weeks:
    """A log of all weeks: who is offered something buys with a chance of its own, which is ``chance`` for the half to
    whom the challenger offers and the champion does not."""

    log: pd.DataFrame
    kind: np.ndarray

    @classmethod
    def of(cls, use_case: UseCase, seed: int, chance: float) -> Weeks:
        rng, weeks = np.random.default_rng(seed), BEFORE + SELDOM + TRIAL
        n, week = weeks * N, np.repeat(np.arange(weeks), N)
        kind = rng.random(n)
        explored = np.where(week < BEFORE, OFTEN, np.where(week < BEFORE + SELDOM, RARE, SHARE))
        is_offered = rng.random(n) < explored
        log = pd.DataFrame(
            {
                "decision_id": [f"d{i}" for i in range(n)],
                "entity_id": [f"c{i}" for i in range(n)],
                "as_of": START + week * WEEK,
                "role": "exploration",
                "action": np.array(use_case.action_names, dtype=object)[is_offered.astype(np.int64)],
                "propensity": np.where(is_offered, explored, 1 - explored),
                "fallback_reason": None,
                "outcome_class": (rng.random(n) < np.where(kind > 0.5, chance, 0.2)).astype(float),
                "outcome_amount": np.nan,
            }
        )
        return cls(log, kind)

    def known(self, weeks: range, is_told: bool) -> tuple[LoggedBatches, Policies]:
        """Some of the weeks, and the two policies on them; ``is_told``: which of them are of the trial."""
        keep = ((self.log["as_of"] - START) // WEEK).isin(weeks).to_numpy()
        log, kind = self.log[keep].reset_index(drop=True), self.kind[keep]
        rules, ours = (one_hot(one, 2) for one in (np.zeros(len(log), dtype=int), (kind > 0.5).astype(int)))
        on_trial = (log["as_of"] >= START + (BEFORE + SELDOM) * WEEK).to_numpy() if is_told else None
        policies = Policies(ours, rules, np.tile([0.0, 1.0], (len(log), 1)), is_on_trial=on_trial)
        return LoggedBatches(log, pd.DataFrame({"leaning": kind}), np.zeros(len(log), dtype=np.int64)), policies


def looked(use_case: UseCase, weeks: Weeks, is_told: bool = True) -> MoneyAtLook:
    """The first look after each week that proves a gain, else the last."""
    before, policies = weeks.known(range(BEFORE), False)
    rows = rows_of(use_case, before.log, before.frame, policies, is_untried_worst=False)
    comparison = opened(START.isoformat(), STAKE, rows)
    for until in range(BEFORE + 1, BEFORE + SELDOM + TRIAL + 1):
        told = money_at_look(use_case, *weeks.known(range(BEFORE, until), is_told), comparison, 0.0, 1 - 2 * STAKE)
        assert told.progress is not None
        if told.progress.is_proven:
            break
    return told


def proven(use_case: UseCase, chance: float, seeds: range, is_told: bool = True) -> float:
    found = [looked(use_case, Weeks.of(use_case, seed, chance), is_told).progress for seed in seeds]
    return float(np.mean([one is not None and one.is_proven for one in found]))


def test_a_gain_that_rare_draws_hide_is_proven_by_the_trial(use_case: UseCase) -> None:
    assert proven(use_case, 0.75, range(6), is_told=False) <= 0.2
    assert proven(use_case, 0.75, range(6)) >= 0.8


def test_who_is_worse_passes_no_more_often_than_staked(use_case: UseCase) -> None:
    assert proven(use_case, 0.38, range(16)) <= STAKE


def test_it_is_said_whose_decisions_prove_it_and_the_parts_of_the_stake_add_up(use_case: UseCase) -> None:
    told = next(
        one
        for one in (looked(use_case, Weeks.of(use_case, seed, 0.8)) for seed in range(12))
        if one.progress is not None and one.progress.is_of_trial
    )
    progress = told.progress
    assert progress is not None
    assert (progress.comparison.stake, progress.part) == (STAKE, PART_OF_TRIAL)
    assert progress.required == pytest.approx(1 / (STAKE * PART_OF_TRIAL))
    assert told.money.n <= TRIAL * N
    evidence = replace(GOOD, money=told.money, progress=progress)
    check = check_money(evidence, replace(RULES, is_accumulating=True, confidence=1 - STAKE))
    assert check.is_passed is True
    assert "since it has been on trial" in check.reason


def test_without_steps_of_a_trial_all_cohorts_have_the_whole_stake(use_case: UseCase) -> None:
    plain = use_case.model_copy(update={"canary": use_case.canary.model_copy(update={"steps": ()})})
    progress = looked(plain, Weeks.of(plain, 1, 0.38)).progress
    assert progress is not None
    assert (progress.part, progress.is_of_trial) == (1.0, False)


@pytest.mark.parametrize(("days", "newest"), [(1, 8 * 7), (3.5, 16), (7, LATELY), (28, LATELY)])
def test_lately_is_eight_cohorts_and_no_less_than_eight_weeks(use_case: UseCase, days: float, newest: int) -> None:
    cohorts, each = 8 * 7 + 2, 20
    traffic, policies = Weeks.of(use_case, 3, 0.5).known(range(BEFORE), False)
    keep = np.arange(len(traffic.log)) < cohorts * each
    traffic, policies = traffic.rows(keep), policies.rows(keep)
    traffic.log["as_of"] = START + np.arange(len(traffic.log)) // each * pd.Timedelta(days=days)
    told = money_of_trial(use_case, traffic, policies)
    assert (told.whole.n, told.lately.n) == (cohorts * each, newest * each)
