"""A gain is proven by betting on it: right at every look, with rare losses and heavy tails, and not for nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.challengers import simulated
from benchmarks.gate_years.world import WORLDS, World
from decisionloop.observe.betting import Bets
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import difference, one_hot
from decisionloop.observe.paired_gains import GainRows, PairedGains, gain_rows
from decisionloop.observe.possible_money import PossibleMoney

CAUTIONS = st.sampled_from([0.0, 0.1, 0.5, 1.0])


def lending(rng: np.random.Generator, n: int, bad: float = 0.1) -> tuple[LoggedDecisions, np.ndarray]:
    """Rules lend to 70 %, a challenger to 90 %, a fifth is explored; and what it moves (n, 2)."""
    x = rng.random(n)
    rules, challenger = (x < 0.7).astype(int), (x < 0.9).astype(int)
    is_explored = rng.random(n) < 0.2
    action = np.where(is_explored, 1 - rules, rules)
    reward = np.where(action == 1, np.where(rng.random(n) < bad, -6.0, 1.0), 0.0)
    logged = LoggedDecisions(
        action=action,
        propensity=np.where(is_explored, 0.2, 0.8),
        reward=reward,
        expected_values=np.full((n, 2), [0.0, 0.2]),
        is_exact=np.array([True, False]),
        entity=np.arange(n),
        possible=PossibleMoney(np.full((n, 2), [0.0, -6.0]), np.full((n, 2), [0.0, 1.0]), is_bound=True),
    )
    return logged, one_hot(challenger, 2) - one_hot(rules, 2)


def rows_at(logged: LoggedDecisions, moved: np.ndarray):
    return lambda caution: gain_rows(logged, moved, np.arange(len(logged)), caution)


@given(st.integers(0, 10_000), CAUTIONS)
@settings(max_examples=25, deadline=None)
def test_a_gain_is_never_below_what_was_said_to_be_possible(seed: int, caution: float) -> None:
    rows = rows_at(*lending(np.random.default_rng(seed), 300))(caution)
    assert (rows.base + rows.drawn >= -rows.harm - 1e-9).all()
    limit = float(np.quantile(rows.harm, 0.95))
    limited = rows.within(limit)
    assert limited.gain.min() >= -limit - 1e-9
    # What truncation may have added is at least what it did add.
    assert limited.gain.sum() - limited.bias <= rows.within().gain.sum() + 1e-9


@pytest.mark.parametrize("caution", [0.0, 0.5, 1.0])
def test_caution_changes_the_spread_and_not_the_mean(caution: float) -> None:
    logged, moved = lending(np.random.default_rng(3), 200_000)
    plain, cautious = (rows_at(logged, moved)(one).within() for one in (0.0, caution))
    told = difference(
        logged,
        np.maximum(moved, 0.0) + one_hot(np.zeros(len(moved), dtype=int), 2) * (moved.max(axis=1) <= 0)[:, None],
        one_hot(np.zeros(len(moved), dtype=int), 2),
    )
    assert plain.mean == pytest.approx(told.money.value)
    error = np.hypot(plain.gain.std(), cautious.gain.std()) / np.sqrt(len(moved))
    assert abs(plain.mean - cautious.mean) < 4 * error
    assert rows_at(logged, moved)(caution).harm.max() <= rows_at(logged, moved)(0.0).harm.max()


def test_caution_all_the_way_needs_no_weight_in_the_bound() -> None:
    """Money that is counted above its worst can only surprise upwards: no row hurts by more than a decision costs."""
    logged, moved = lending(np.random.default_rng(4), 2_000)
    assert rows_at(logged, moved)(0.0).harm.max() > 25
    assert rows_at(logged, moved)(1.0).harm.max() == pytest.approx(6.0)


def partly_tried(rng: np.random.Generator, n: int, share: float, bad: float) -> tuple[LoggedDecisions, np.ndarray]:
    """`lending` where of a ``share`` nothing but the rules was ever done, and the model expects the best there."""
    logged, moved = lending(rng, n, bad=0.01)
    rules = np.where(logged.propensity > 0.5, logged.action, 1 - logged.action)
    is_certain = rng.random(n) < share
    action = np.where(is_certain, rules, logged.action)
    is_bad = rng.random(n) < np.where(is_certain, bad, 0.01)
    tried_in_part = replace(
        logged,
        action=action,
        propensity=np.where(is_certain, 1.0, logged.propensity),
        reward=np.where(action == 1, np.where(is_bad, -6.0, 1.0), 0.0),
        expected_values=np.where(is_certain[:, None], [0.0, 1.0], [0.0, 0.9]),
    )
    return tried_in_part, moved


@pytest.mark.parametrize(("share", "is_proven"), [(0.5, False), (0.02, True)])
def test_what_was_never_tried_proves_nothing_and_a_little_of_it_hides_no_gain(share: float, is_proven: bool) -> None:
    """Whom the challenger would lend to and nobody ever did: nine in ten lose, and the model says that all win.

    Counted as the model expects them, half of them prove a gain where there is a loss.
    """
    rng, told, flattered = np.random.default_rng(11), [], []
    for _ in range(20):
        before, now = (partly_tried(rng, n, share, bad=0.9) for n in (1_000, 4_000))
        bets = Bets.known_before(lambda caution, log=before: gain_rows(*log, np.arange(1_000), caution, 1, False))
        assert bets is not None
        for capitals, is_worst in ((told, True), (flattered, False)):
            gains = gain_rows(*now, np.arange(4_000), bets.caution, 1, is_worst).within(bets.limit)
            capitals.append(bets.capital(gains, 0.0) > 20)
    assert (np.mean(told) >= 0.9) if is_proven else not any(told)
    assert np.mean(flattered) == 1.0


def test_an_entity_s_decisions_in_one_cohort_are_one_gain() -> None:
    logged, moved = lending(np.random.default_rng(5), 400)
    each, pairs = (gain_rows(logged, moved, group).within() for group in (np.arange(400), np.arange(400) // 2))
    np.testing.assert_allclose(pairs.gain, each.gain.reshape(-1, 2).sum(axis=1))
    assert (pairs.n, each.n, len(pairs.gain)) == (400, 400, 200)


def test_an_amount_without_bound_counts_up_to_a_reach_and_what_lies_beyond_is_said() -> None:
    logged, moved = lending(np.random.default_rng(6), 2_000)
    assert logged.possible is not None
    amounts = replace(logged, possible=replace(logged.possible, is_bound=False))
    shock = replace(amounts, reward=np.where(logged.reward < -1, -1_000.0, logged.reward))
    bounded = rows_at(shock, moved)(0.0)
    assert bounded.within().gain.min() == pytest.approx(-bounded.harm.max())
    assert bounded.beyond > 0
    assert rows_at(logged, moved)(0.0).beyond == 0


def test_a_real_gain_is_proven_and_none_is_not() -> None:
    rng = np.random.default_rng(7)
    for bad, is_proven in ((0.01, True), (0.2, False)):
        bets = Bets.known_before(rows_at(*lending(rng, 2_000, bad)))
        assert bets is not None
        gains = rows_at(*lending(rng, 6_000, bad))(bets.caution).within(bets.limit)
        assert (bets.capital(gains, 0.0) > 100) == is_proven
        low = bets.lower_bound(gains, 0.01)
        assert low is not None
        assert (low > 0) == is_proven
        assert low < 0.2 * (1 - 7 * bad)  # the truth


def test_the_bound_is_where_the_capital_reaches_what_proves_it() -> None:
    bets = Bets(0.0, 10.0, (0.01, 0.05))
    gains = PairedGains(np.random.default_rng(8).normal(0.4, 2, 3_000), np.ones(3_000), bias=30.0)
    low = bets.lower_bound(gains, 0.02)
    assert low is not None
    assert bets.capital(gains, low) == pytest.approx(50, rel=1e-4)
    assert bets.capital(gains, low + 0.01) < 50


def test_what_never_differed_has_no_bets() -> None:
    logged, moved = lending(np.random.default_rng(9), 100)
    assert Bets.known_before(rows_at(logged, 0 * moved)) is None


def test_a_log_that_does_not_say_what_is_possible_proves_nothing() -> None:
    logged, moved = lending(np.random.default_rng(9), 500)
    assert Bets.known_before(rows_at(replace(logged, possible=None), moved)) is None


@given(st.floats(0.01, 0.5), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_capital_is_a_fair_game_where_there_is_no_gain(bet: float, seed: int) -> None:
    """Its mean over everything that can happen is 1: two rows that win or lose 1, all four outcomes."""
    bets = Bets(0.0, 1.0, (bet, bet / 3))
    ends = [
        bets.capital(PairedGains(np.array(one, dtype=float), np.ones(2)), 0.0)
        for one in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    assert np.mean(ends) == pytest.approx(1.0)


HARDEST = ("loss 400 in 0.1 %, all as good or worse", "0.5 % explored, all as good or worse")


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(one, id=one.name, marks=[] if one.name in HARDEST else [pytest.mark.exhaustive])
        for one in WORLDS
        if one.better is None
    ],
)
def test_in_a_known_world_nobody_worse_is_promoted_in_a_year(world: World) -> None:
    """Two years of monthly challengers; the benchmark `challengers` takes 500."""
    now, _ = simulated(replace(world, n=200), 2, seed=1)
    assert not any(now.erred)


def test_in_a_known_world_a_much_better_one_is_found() -> None:
    (careful,) = (one for one in WORLDS if one.name == "one lends more carefully")
    now, _ = simulated(careful, 2, seed=1)
    assert now.found(26) == 1.0
    assert not any(now.erred)


def test_rows_are_limited_by_what_is_left_after_the_base() -> None:
    rows = GainRows(np.array([-2.0, 1.0]), np.array([-9.0, -9.0]), np.array([9.0, 9.0]), 0.0, np.arange(2))
    np.testing.assert_allclose(rows.within(5.0).gain, [-5.0, -5.0])
