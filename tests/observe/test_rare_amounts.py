"""A proof on amounts reckons with what is rare and large: seen a few times, or declared and not seen at all."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.observe.betting import Bets
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.paired_gains import gain_rows
from decisionloop.observe.possible_money import AmountSizes, PossibleMoney

N, LOOKS, YEARS, NEED = 50, 10, 60, 20.0
SHARE = 0.01  # who is written to brings 1 / SHARE in one of a hundred cases: as much as nothing, which always brings 1
NOTHING, MAIL = 0, 1


def drawn(chance: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Actions, drawn evenly, and the amounts (n,) that came of them."""
    action = chance.integers(0, 2, n)
    gift = np.where(chance.random(n) < SHARE, chance.lognormal(-1.125, 1.5, n) / SHARE, 0.0)
    return action, np.where(action == MAIL, gift, 1.0)


def gains(action: np.ndarray, amount: np.ndarray, largest: float | None, untried_worst: bool):
    """What giving up the letters gains, decision by decision, at a caution."""
    n = len(action)
    low, high = AmountSizes.of(amount, largest=largest).ends
    logged = LoggedDecisions(
        action=action,
        propensity=np.full(n, 0.5),
        reward=amount,
        expected_values=np.ones((n, 2)),
        is_exact=np.zeros(2, bool),
        entity=np.arange(n),
        possible=PossibleMoney(np.full((n, 2), low), np.full((n, 2), high), False),
    )
    moved = one_hot(np.full(n, NOTHING), 2) - one_hot(np.full(n, MAIL), 2)
    return lambda caution: gain_rows(logged, moved, np.arange(n), caution, 1, untried_worst)


def is_ever_proven(seed: int, largest: float | None) -> bool:
    chance = np.random.default_rng(seed)
    bets = Bets.known_before(gains(*drawn(chance, N), largest, False))
    action, amount = drawn(chance, N * LOOKS)
    looks = (gains(action[: N * k], amount[: N * k], largest, True) for k in range(1, LOOKS + 1))
    return any(bets.capital(look(bets.caution).within(bets.limit), 0.0) >= NEED for look in looks)


def test_no_gain_is_proven_against_an_amount_that_is_declared_and_was_never_seen():
    assert sum(is_ever_proven(seed, None) for seed in range(YEARS)) > 0.1 * YEARS  # what is seen says too little
    assert sum(is_ever_proven(seed, 500.0) for seed in range(YEARS)) <= YEARS / NEED


def test_few_amounts_are_not_taken_for_smaller_than_they_are_nor_many_for_larger():
    chance = np.random.default_rng(0)
    usual = {n: np.mean([AmountSizes.of(chance.gamma(1, 1, n)).above for _ in range(100)]) for n in (20, 20_000)}
    true = np.sqrt(2.0)  # of an exponential law, beyond its mean
    assert usual[20] > true
    assert usual[20_000] == pytest.approx(true, rel=0.02)


def test_a_large_debt_is_reckoned_with_on_its_own_side():
    plain, owed = (AmountSizes.of(np.array([1.0, 2.0, 3.0]), largest=one) for one in (None, -100.0))
    assert owed.above == plain.above
    assert owed.below > 50
