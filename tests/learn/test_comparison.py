"""What a comparison surely says in both directions: money that is risked and money that is saved differ in size."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.learn.comparison import FUTILITY_ERROR, BothRows, opened, progress
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.paired_gains import gain_rows
from decisionloop.observe.possible_money import PossibleMoney

GAIN = 0.2 * (0.2 * 6 - 0.8 * 1)
"""What the challenger saves a decision: it does not lend to a fifth, of which 20 % would lose 6 and the rest earn 1."""


def rows_of(seed: int, n: int) -> BothRows:
    """The champion lends to 70 % and explores a fifth; the challenger lends to 50 %, and risks margins alone."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    lends, is_explored = (x < 0.7).astype(int), rng.random(n) < 0.2
    action = np.where(is_explored, 1 - lends, lends)
    logged = LoggedDecisions(
        action=action,
        propensity=np.where(is_explored, 0.2, 0.8),
        reward=np.where(action == 1, np.where(rng.random(n) < 0.2, -6.0, 1.0), 0.0),
        expected_values=np.zeros((n, 2)),
        is_exact=np.array([True, False]),
        entity=np.arange(n),
        possible=PossibleMoney(np.full((n, 2), [0.0, -6.0]), np.full((n, 2), [0.0, 1.0]), is_bound=True),
    )
    moved = np.zeros((n, 2))
    moved[(x >= 0.5) & (x < 0.7)] = [1.0, -1.0]
    sides = (lambda caution, m=m: gain_rows(logged, m, np.arange(n), caution) for m in (moved, -moved))
    return BothRows(*sides)


def test_who_risks_little_and_saves_much_is_not_called_hopeless() -> None:
    """Gains above what a row may hurt are no less true: counted up to that, this one would look like a loss."""
    most = []
    for seed in range(40):
        comparison = opened("2024-01-01T00:00:00+00:00", 0.0125, rows_of(1_000 + seed, 1_000))
        told = progress(comparison, rows_of(seed, 1_000), 0.0).most
        assert told is not None
        most.append(told)
    assert np.mean(np.array(most) < GAIN) <= FUTILITY_ERROR
    assert max(most) < 1.0  # and it says something


def test_who_surely_earns_less_is_told_so() -> None:
    before, after = rows_of(1, 4_000), rows_of(2, 20_000)
    turned = opened("2024-01-01T00:00:00+00:00", 0.0125, BothRows(before.theirs, before.ours))
    most = progress(turned, BothRows(after.theirs, after.ours), 0.0).most
    assert most is not None
    assert -GAIN < most < 0


@pytest.mark.parametrize("decisions", [5_000, 20_000])
def test_what_it_surely_earns_lies_on_both_sides_of_the_truth(decisions: int) -> None:
    comparison = opened("2024-01-01T00:00:00+00:00", 0.0125, rows_of(3, 2_000))
    rows = rows_of(4, decisions)
    assert comparison.bets is not None
    low = comparison.bets.lower_bound(rows.ours(comparison.bets.caution).within(comparison.bets.limit), 0.0125)
    most = progress(comparison, rows, 0.0).most
    assert low is not None
    assert most is not None
    assert low < GAIN < most
