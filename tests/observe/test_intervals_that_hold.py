"""Intervals know what they have not seen: no loss in the log, no event among the rows, weights of 200."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from decisionloop.contract import UseCase
from decisionloop.learn.gate import GateEvidence, GateRules, judge
from decisionloop.learn.serving import LatencyEvidence
from decisionloop.observe.bounded_mean import bounded_mean, rate_estimate
from decisionloop.observe.cohort import logged_decisions
from decisionloop.observe.estimate import Estimate, weighted_mean
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import difference, one_hot
from decisionloop.observe.possible_money import AmountSizes, PossibleMoney, possible_money
from decisionloop.observe.value import realised_value
from tests.monitor.watched import watched

QUICK = LatencyEvidence(0.00001, None)
RULES = GateRules(currency="EUR", confidence=0.9, minimum_auc=None, maximum_calibration_error=None)


def lending(
    rng: np.random.Generator, n: int, explored: float, chances: tuple[float, float], loss: float
) -> tuple[LoggedDecisions, NDArray, NDArray]:
    """Rules lend to 70 %, a challenger to 90 %. A loan earns 1 or loses ``loss``, with the first of the chances
    among the rules' own and with the second among what the challenger adds."""
    x = rng.random(n)
    rules, challenger = (x < 0.7).astype(int), (x < 0.9).astype(int)
    is_explored = rng.random(n) < explored
    action = np.where(is_explored, 1 - rules, rules)
    is_bad = rng.random(n) < np.where(x < 0.7, *chances)
    worst, best = np.full((n, 2), [0.0, -loss]), np.full((n, 2), [0.0, 1.0])
    logged = LoggedDecisions(
        action=action,
        propensity=np.where(is_explored, explored, 1 - explored),
        reward=np.where(action == 1, np.where(is_bad, -loss, 1.0), 0.0),
        expected_values=np.full((n, 2), [0.0, 0.95]),
        is_exact=np.array([True, False]),
        entity=np.arange(n),
        possible=PossibleMoney(worst, best, is_bound=True),
    )
    return logged, one_hot(challenger, 2), one_hot(rules, 2)


@pytest.mark.parametrize(
    ("n", "explored", "chances", "loss"),
    [(8000, 0.1, (0.0005, 0.0015), 700.0), (3000, 0.2, (0.0001, 0.001), 1100.0), (2000, 0.3, (0.0, 0.001), 1200.0)],
)
def test_a_worse_challenger_is_not_promoted_because_no_loss_was_seen(
    n: int, explored: float, chances: tuple[float, float], loss: float
) -> None:
    """From seen losses alone 67 to 80 % of these were promoted, where 10 % are allowed."""
    rng, promoted = np.random.default_rng(2), 0
    assert 1 - chances[1] * (1 + loss) < 0
    for _ in range(80):
        logged, challenger, rules = lending(rng, n, explored, chances, loss)
        told = difference(logged, challenger, rules, confidence=RULES.interval_confidence)
        evidence = GateEvidence(told.money, told.overlap, None, None, None, (), QUICK, True)
        promoted += judge(evidence, RULES).decision == "promote"
    assert promoted / 80 <= 0.1


@pytest.mark.parametrize(("n", "chance", "loss"), [(250, 0.002, 400.0), (1000, 0.001, 900.0), (1000, 0.02, 30.0)])
def test_a_cohort_without_a_loss_still_covers_what_it_loses(n: int, chance: float, loss: float) -> None:
    rng, hits = np.random.default_rng(3), []
    truth = (0.7 * 0.9 + 0.3 * 0.1) * (1 - chance * (1 + loss))
    for _ in range(300):
        value = realised_value(lending(rng, n, 0.1, (chance, chance), loss)[0]).per_decision
        hits.append(value.low <= truth <= value.high)
    assert np.mean(hits) >= 0.93


def test_where_losses_were_seen_the_bound_errs_nearly_as_often_as_declared() -> None:
    rng, errors = np.random.default_rng(4), []
    truth = 0.66 * (1 - 0.1 * 7)
    for _ in range(500):
        value = realised_value(lending(rng, 400, 0.1, (0.1, 0.1), 6.0)[0], confidence=0.8).per_decision
        errors.append(value.low > truth)
    assert 0.06 <= np.mean(errors) <= 0.13


def test_a_log_that_cannot_tell_what_a_loss_would_be_says_so() -> None:
    logged, _, _ = lending(np.random.default_rng(5), 300, 0.1, (0.0, 0.0), 400.0)
    told = realised_value(logged).per_decision
    assert told.low < -3  # 400 / 300 for each of 3.9 losses that may have stayed away
    silent = realised_value(replace(logged, possible=None)).per_decision
    assert "all outcomes are alike" in silent.reason


@settings(max_examples=60, deadline=None)
@given(
    events=st.integers(0, 40),
    others=st.integers(0, 40),
    heavy=st.floats(1.0, 200.0),
    is_plain=st.booleans(),
)
def test_a_rate_has_width_stays_within_0_and_1_and_widens_with_confidence(
    events: int, others: int, heavy: float, is_plain: bool
) -> None:
    n = events + others
    if n < 2:
        return
    outcome = np.repeat([1.0, 0.0], [events, others])
    weight = None if is_plain else np.where(np.arange(n) % 3 == 0, heavy, 1.0)
    narrow, wide = (rate_estimate(outcome, weight, confidence=confidence) for confidence in (0.8, 0.95))
    assert 0 <= wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high <= 1
    assert narrow.high > narrow.low


def test_no_event_among_214_rows_is_no_certainty() -> None:
    none = rate_estimate(np.zeros(214))
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 214))
    weighted = rate_estimate(np.zeros(214), np.ones(214))
    assert none.high <= weighted.high < 1.1 * none.high
    assert "alike" in weighted_mean(np.zeros(214)).reason


@pytest.mark.parametrize(("n", "chance"), [(30, 0.03), (200, 0.02), (200, 0.4)])
def test_weighted_rates_are_covered_down_to_propensities_of_half_a_percent(n: int, chance: float) -> None:
    rng, hits = np.random.default_rng(6), []
    for _ in range(400):
        propensity = rng.choice([0.005, 0.9], p=[0.02, 0.98], size=n)
        told = rate_estimate((rng.random(n) < chance).astype(float), 1 / propensity)
        hits.append(told.low <= chance <= told.high)
    assert np.mean(hits) >= 0.93


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_a_bounded_mean_stays_within_its_range(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    outcome = (rng.random(n) < probability).astype(float)
    told = bounded_mean(outcome - probability, -probability, 1 - probability, 1 / rng.uniform(0.01, 1, n))
    assert -1 <= told.low <= told.value <= told.high <= 1
    assert told.low < told.high


def test_the_contract_says_what_is_possible() -> None:
    frame, unseen = pd.DataFrame({"spend": [10.0, 20.0]}), pd.Series([np.nan, np.nan])
    use_case = watched()
    possible = possible_money(use_case, frame, unseen, unseen)
    assert possible.is_bound
    assert possible.worst.shape == (2, len(use_case.actions))
    lend = use_case.action_names.index("lend")
    assert (possible.worst[:, lend] < possible.best[:, lend]).all()


def test_usual_amounts_are_learnt_from_what_was_seen() -> None:
    assert AmountSizes.of(np.array([np.nan])) is None
    assert AmountSizes.of(np.array([5.0, 5.0])).ends == (5.0, 5.0)
    assert AmountSizes.of(np.array([0.0, 0.0, 3.0, np.nan])).ends == pytest.approx((0.0, 3.0))


def spending() -> UseCase:
    """An outcome with an amount alone: a loan earns what it brings."""
    return watched(
        outcome={"class": None, "amount": {"column": "spent", "unit": "EUR"}},
        economics={"value": {"hold": "0", "lend": "amount"}},
    )


def test_where_all_amounts_are_alike_or_none_was_seen_the_release_s_residuals_say_what_else_they_could_be() -> None:
    use_case, frame = spending(), pd.DataFrame({"spend": np.full(50, 10.0)})
    none = pd.Series(np.full(50, np.nan))
    lend = use_case.action_names.index("lend")
    known = (AmountSizes(mean=7.0, below=2.0, above=9.0),)
    told = {
        "alike": possible_money(use_case, frame, none, pd.Series(np.full(50, 5.0)), known),
        "unseen": possible_money(use_case, frame, none, none, known),
    }
    ends = {name: (one.worst[0, lend], one.best[0, lend]) for name, one in told.items()}
    assert ends == {"alike": (3.0, 14.0), "unseen": (5.0, 16.0)}
    log = pd.DataFrame(
        {
            "entity_id": np.arange(50).astype(str),
            "action": "lend",
            "propensity": 1.0,
            "outcome_class": np.nan,
            "outcome_amount": 5.0,
        }
    )
    blind, told_of = (
        realised_value(logged_decisions(use_case, log, frame, None, amounts=amounts)).per_decision
        for amounts in ((), known)
    )
    assert not blind.is_known
    assert told_of.value == 5.0
    assert told_of.low < 5.0 < told_of.high


def test_what_was_seen_is_never_told_smaller_than_the_release_s_residuals_were() -> None:
    few = AmountSizes.of(np.array([4.0, 6.0, np.nan]))
    assert few == AmountSizes(5.0, 1.0, 1.0)
    assert few.at_least(AmountSizes(0.0, 0.5, 30.0)) == AmountSizes(5.0, 1.0, 30.0)
    assert AmountSizes.of(np.array([4.0, 6.0]), expected=np.array([5.0, 2.0])) == AmountSizes(5.0, 1.0, 4.0)
    assert AmountSizes.of(np.array([np.nan])) is None


def test_an_estimate_is_never_narrower_than_its_own_at_less_confidence() -> None:
    logged, challenger, rules = lending(np.random.default_rng(8), 2000, 0.1, (0.01, 0.01), 50.0)
    told: list[Estimate] = [difference(logged, challenger, rules, confidence=c).money for c in (0.8, 0.9, 0.95, 0.99)]
    assert all(a.low > b.low and a.high < b.high for a, b in pairwise(told))


def test_nobody_who_bought_nothing_says_what_a_buyer_spends() -> None:
    use_case = watched(
        outcome={"amount": {"column": "spent", "unit": "EUR"}},
        economics={"value": {"hold": "0", "lend": "amount * outcome - 1"}},
    )
    frame, lend = pd.DataFrame({"spend": np.full(200, 10.0)}), use_case.action_names.index("lend")
    bought, spent = pd.Series(np.zeros(200)), pd.Series(np.zeros(200))
    unknown = possible_money(use_case, frame, bought, spent)
    assert np.isnan(unknown.worst).all()
    assert np.isnan(unknown.best).all()
    bought[0], spent[0] = 1.0, 80.0
    assert possible_money(use_case, frame, bought, spent).best[:, lend] == pytest.approx(79.0)
