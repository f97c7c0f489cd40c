"""Outcomes that have not come promote nobody: what they could be is bounded, whatever they are missing for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchmarks.missing_world
from decisionloop.contract.data_source import CustomSource
from decisionloop.learn.comparison import Comparison, Progress
from decisionloop.learn.evidence import Contender, gate_rules, gather_evidence
from decisionloop.learn.gate_missing import hangs_on_missing, missing_words
from decisionloop.learn.gate_money import check_money
from decisionloop.learn.missing_in_log import is_settled, missing_in_log
from decisionloop.learn.ramp import Since, standing
from decisionloop.learn.serving import ServingTime
from decisionloop.observe.estimate import Estimate, cannot_say
from decisionloop.observe.outcome_bounds import OutcomeBounds
from tests.learn.missing_gates import COHORTS, MATURITY, OPENED, STAKE, START, WEEK, Drawn, contract, looks, promoted
from tests.learn.test_deployed_policy import AS_OF
from tests.learn.test_deployed_policy import contract as deployed_contract
from tests.learn.test_deployed_policy import world as deployed_world
from tests.learn.test_gate import GOOD, RULES

NEVER, LOGS = np.inf, 40
HARMFUL, HELPFUL = 0.38, 0.6
"""Chances of buying at which the challenger loses 0.1, and earns 1, a decision."""


@pytest.fixture(scope="module")
def use_case():
    return contract(Path(benchmarks.missing_world.__file__).parent)


def refusers_are_silent(rng, action, outcome, kind):
    """Half of those of the challenger's kind who do not buy never say so."""
    return np.where((outcome == 0) & (kind > 0.5) & (rng.random(len(kind)) < 0.5), NEVER, 0.0)


def refusers_are_late(rng, action, outcome, kind):
    """They say so up to thirty weeks after it was due."""
    silent = refusers_are_silent(rng, action, outcome, kind) > 0
    return np.where(silent, rng.uniform(0.1, 30.0, len(kind)), 0.0)


def few_are_lost(rng, action, outcome, kind):
    """Three in a hundred are lost, whosesoever."""
    return np.where(rng.random(len(kind)) < 0.03, NEVER, 0.0)


def many_are_late(rng, action, outcome, kind):
    """Forty in a hundred come within a month after they were due."""
    return np.where(rng.random(len(kind)) < 0.4, rng.uniform(0.1, 4.0, len(kind)), 0.0)


def test_a_challenger_that_only_seems_better_for_what_is_missing_is_not_promoted(use_case):
    """Naively it passes nearly always; with the bounds no more often than the comparison stakes, at all its looks."""
    worlds = (refusers_are_silent, refusers_are_late)
    drawn = [Drawn.of(use_case, seed, HARMFUL, worlds[seed % 2]) for seed in range(LOGS)]
    assert np.mean([promoted(one, is_naive=True) for one in drawn[:12]]) > 0.6
    assert np.mean([promoted(one) for one in drawn]) <= STAKE


@pytest.mark.parametrize("when_seen", [few_are_lost, many_are_late])
def test_a_challenger_that_is_better_passes_where_missing_outcomes_are_harmless(use_case, when_seen):
    assert np.mean([promoted(Drawn.of(use_case, seed, HELPFUL, when_seen)) for seed in range(8)]) >= 0.75


def test_what_hangs_on_the_missing_outcomes_is_said_with_numbers(use_case):
    told = looks(Drawn.of(use_case, 0, HARMFUL, refusers_are_silent))
    evidence = replace(GOOD, money=told.money, overlap=told.overlap, progress=told.progress)
    rules = replace(RULES, confidence=1 - STAKE, is_accumulating=True)
    check = check_money(evidence, rules)
    missing, count = told.money.bounds.missing, told.money.bounds.missing + told.overlap.informative_n
    assert check.is_passed is None
    assert f"Of the {count} outcomes that count {missing} ({100 * missing / count:.0f}%) have not come" in check.reason
    assert "each is taken as the worst that it could be" in check.reason
    alike = replace(evidence, progress=replace(told.progress, if_as_others=1e9))
    assert check_money(alike, rules).reason.endswith(
        f"cannot be told while {100 * missing / count:.0f}% are missing: it would be proven if they were as the others."
    )
    assert check_money(alike, replace(rules, is_last_look=True)).is_passed is False


def test_a_first_look_says_between_what_the_gain_lies_whatever_the_missing_are() -> None:
    bounds = OutcomeBounds(40, 12.4, -1.5, 6.0)
    money = replace(GOOD.money, bounds=bounds)
    words = missing_words(replace(GOOD, money=money), RULES)
    assert words.startswith(" Of the ")
    assert "of which about 12 still will; whatever those are that never come" in words
    assert words.endswith("it earns between -NT$1.50 and NT$6.00 more.")
    unbounded = replace(GOOD, money=replace(money, bounds=OutcomeBounds(40, 0.0)))
    assert missing_words(unbounded, RULES).endswith("nothing tells how large they could be.")
    assert missing_words(GOOD, RULES) == hangs_on_missing(GOOD) == ""


def test_what_still_comes_is_told_from_the_log_itself(use_case):
    """Of the newest mature cohort forty in a hundred are late and all of them come, as they did of the older ones."""
    drawn = Drawn.of(use_case, 1, HELPFUL, many_are_late)
    at = START + (COHORTS - 1) * WEEK + MATURITY
    batches, policies = drawn.known(at)
    newest = (batches.log["as_of"] == batches.log["as_of"].max()).to_numpy()
    missing = policies.missing.subset(newest)
    assert missing.count > 80
    assert missing.come.sum() == pytest.approx(missing.count, rel=0.1)
    assert missing.yes.sum() == pytest.approx(0.3 * missing.count, rel=0.35)
    settled = is_settled(batches.log, policies.missing)
    assert set(batches.log["as_of"][settled]) == {START + week * WEEK for week in range(COHORTS - 4)}
    blind = missing_in_log(use_case, batches.log, batches.frame, None)
    assert blind.count == policies.missing.count
    assert not blind.come.any()


def test_a_log_that_lacks_nothing_misses_nothing(use_case):
    drawn = Drawn.of(use_case, 2, HELPFUL, lambda rng, *_: np.zeros(len(_[2])))
    _, policies = drawn.known(OPENED + 30 * WEEK)
    assert policies.missing is None


def test_a_trial_is_opened_only_by_what_the_bounds_leave() -> None:
    """A first look sure of a gain speaks for nothing where the missing outcomes could turn it."""
    since, first = cannot_say("nothing has matured", 0, 0.9), Estimate(3.0, 1.0, 5.0, 900, 300.0, 0.8)
    sure = standing(first, Since(since), 0.0).confidence
    assert sure > 0.95
    assert standing(replace(first, bounds=OutcomeBounds(9, 0.0, 0.9, 5.1)), Since(since), 0.0).confidence < sure
    assert standing(replace(first, bounds=OutcomeBounds(90, 0.0, -4.0, 9.0)), Since(since), 0.0).confidence < 0.2
    assert standing(replace(first, bounds=OutcomeBounds(90, 0.0)), Since(since), 0.0).confidence == 0


def test_hopelessness_is_asked_of_the_best_that_the_missing_could_be() -> None:
    progress = Progress(Comparison("2024-01-01T00:00:00+00:00", STAKE, None), 0.5, 0.0, -0.1)
    rules = replace(RULES, is_accumulating=True)
    assert check_money(replace(GOOD, money=replace(GOOD.money, low=-1.0), progress=progress), rules).is_passed is False


def test_the_same_outcome_of_every_action_is_bounded_as_one(tmp_path):
    """Both policies lend to most: of a missing outcome only where they differ anything hangs."""
    from decisionloop.contract import load_use_case
    from decisionloop.learn.comparison import rows_of
    from decisionloop.learn.seen_outcomes import Policies, seen_difference
    from decisionloop.observe.off_policy import one_hot
    from tests.small_use_case import write_small
    from tests.tasks.test_same_outcome_for_all import ACTIONS

    written = write_small(tmp_path, actions=ACTIONS, model={"action_as": "input"}, outcome={"depends_on_action": False})
    same, n = load_use_case(written.folder).use_case, 200
    outcome = np.where(np.arange(n) % 5 == 0, 1.0, 0.0)
    outcome[:10] = np.nan
    ids = [f"s{i}" for i in range(n)]
    frame = pd.DataFrame(
        {"shop_id": ids, "turnover": 50.0, "debt": 1.0, "trade": pd.Series(["craft"] * n, dtype="str")}
    )
    log = pd.DataFrame(
        {"entity_id": ids, "as_of": START, "action": "lend", "propensity": 1.0, "outcome_class": outcome}
    ).assign(outcome_amount=np.nan, fallback_reason=None, role="champion")
    lends, holds_some = np.ones(n, dtype=int), (np.arange(n) >= 6).astype(int)
    policies = Policies(one_hot(holds_some, 2), one_hot(lends, 2), np.zeros((n, 2)))
    policies = replace(policies, missing=missing_in_log(same, log, frame, None))
    told = seen_difference(same, log, frame, policies, 0.9)
    assert told.money.bounds.missing == 6  # of the ten that are missing
    rows = rows_of(same, log, frame, policies)
    # Who holds where all lend gives up 10 at worst, and saves 40 at best; of the arrived the two decide alike.
    assert rows.ours(0.0).within().gain.sum() == pytest.approx(-60)
    assert rows.theirs(0.0).within().gain.sum() == pytest.approx(-240)
    assert len(rows.ours(0.0).within().gain) == n


def test_probabilities_are_not_called_off_for_outcomes_that_still_come(tmp_path):
    """Who buys says so at once, who does not some days later: of the newest batches nearly only sales are known."""
    drawn = deployed_contract(tmp_path, [])
    custom = CustomSource(kind="custom")  # an experiment that is replayed draws its outcomes: none can be missing
    one = deployed_world(drawn.model_copy(update={"source": custom}))
    log, at = one.batches.log, AS_OF[-1] + timedelta(days=one.use_case.outcome.maturity_days)
    is_late = (log["outcome_class"] == 0).to_numpy() & (np.random.default_rng(5).random(len(log)) < 0.5)
    seen = log["as_of"] + pd.to_timedelta(one.use_case.outcome.maturity_days + np.where(is_late, 2.5, -1.0), "D")
    known = (seen <= at).to_numpy()
    parts = {name: log[name].where(known) for name in ("outcome_class", "outcome_amount")}
    now = log.assign(observed_at=seen.where(known), outcome_revision=np.where(known, 1.0, np.nan), **parts)
    rules = gate_rules(one.use_case, 1)
    errors = []
    for known_at in (None, at):
        batches = replace(one.batches, log=now, known_at=known_at)
        told = gather_evidence(one.use_case, batches, Contender(one.told, ServingTime(1.0, 10)), Contender(None), rules)
        errors.append(told.calibration_error)
    assert errors[1].value < errors[0].low  # three of eight batches are half told
