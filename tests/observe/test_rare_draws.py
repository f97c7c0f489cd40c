"""Where chance tries an action rarely, a log in which it has not come yet knows what is missing, and says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.observe.estimate import effective_sample_size
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import difference, importance_weights, one_hot
from decisionloop.observe.possible_money import PossibleMoney
from decisionloop.observe.undrawn import expected_effective_n, undrawn_actions
from decisionloop.observe.value import value_against_rules

Question = tuple[LoggedDecisions, np.ndarray, np.ndarray, float]


def lending(rng: np.random.Generator, n: int, explored: float, loss: float = 6.0) -> Question:
    """Who is safer than 0.8 gets a loan; the challenger would refuse some of those and lend to others.

    The log, both policies, and the true gain per decision of the challenger. The expectation is too hopeful.
    """
    risk = rng.random(n)
    rules, challenger = (risk < 0.8).astype(int), ((risk < 0.7) | (risk > 0.9)).astype(int)
    is_explored = rng.random(n) < explored
    action = np.where(is_explored, 1 - rules, rules)
    is_bad = rng.random(n) < 0.3 * risk
    ends = (np.tile([0.0, end], (n, 1)) for end in (-loss, 1.0))
    logged = LoggedDecisions(
        action=action,
        propensity=np.where(is_explored, explored, 1 - explored),
        reward=np.where(action == 1, np.where(is_bad, -loss, 1.0), 0.0),
        expected_values=np.column_stack([np.zeros(n), 1 - (1 + loss) * 0.15 * risk]),
        is_exact=np.array([True, False]),
        entity=np.arange(n),
        possible=PossibleMoney(*ends, is_bound=True),
    )
    truth = float(((challenger - rules) * (1 - (1 + loss) * 0.3 * risk)).mean())
    return logged, one_hot(challenger, 2), one_hot(rules, 2), truth


@pytest.mark.parametrize(("n", "explored"), [(4_000, 0.005), (1_500, 0.02), (400, 0.02)])
def test_the_interval_of_a_gain_holds_however_few_draws_have_come(n: int, explored: float) -> None:
    """By the weights that were seen alone 8 to 20 % were wrong in such logs; 5 % are declared, 15 of 300 and chance."""
    rng = np.random.default_rng(20)
    wrong = 0
    for _ in range(300):
        logged, challenger, rules, truth = lending(rng, n, explored)
        money = difference(logged, challenger, rules).money
        assert money.low is not None
        assert money.high is not None
        wrong += not money.low <= truth <= money.high
    assert wrong <= 24


@pytest.mark.parametrize("explored", [0.005, 0.02])
def test_a_log_in_which_no_rare_draw_has_come_does_not_count_as_a_rich_one(explored: float) -> None:
    logged, challenger, rules, truth = lending(np.random.default_rng(1), 1_500, explored)
    is_rare = logged.propensity < 0.5
    none_yet = logged.subset(~is_rare)
    moved = challenger[~is_rare] - rules[~is_rare]
    told = difference(none_yet, challenger[~is_rare], rules[~is_rare])
    assert effective_sample_size(importance_weights(none_yet, moved)) > 100
    assert told.overlap.effective_n < 15
    assert told.money.low is not None
    assert told.money.high is not None
    assert told.money.low < truth < told.money.high


def test_what_the_loop_earned_beside_the_rules_is_as_unsure_as_the_draws_are_rare() -> None:
    """A model that lends to fewer: only chance shows what the rules would have earned with the others."""
    n, explored = 400, 0.01
    rng = np.random.default_rng(5)
    risk = rng.random(n)
    model, rules = (risk < 0.5).astype(int), np.ones(n, dtype=int)
    reward = np.where(model == 1, np.where(rng.random(n) < 0.3 * risk, -6.0, 1.0), 0.0)
    logged = LoggedDecisions(
        action=model,
        propensity=np.where(model == 1, 1.0, 1 - explored),
        reward=reward,
        expected_values=np.column_stack([np.zeros(n), 1 - 7 * 0.3 * risk]),
        is_exact=np.array([True, False]),
        entity=np.arange(n),
        possible=PossibleMoney(*(np.tile([0.0, end], (n, 1)) for end in (-6.0, 1.0)), is_bound=True),
    )
    against = value_against_rules(logged, one_hot(rules, 2))
    assert against.gain.low is not None
    assert against.gain.high is not None
    # Two draws were due. Each could have lost six margins a hundred times over, or earned one as often, of 400 loans.
    assert against.gain.high - against.gain.low > 3.0
    assert against.overlap.effective_n < 5


@given(st.integers(0, 10_000), st.floats(0.05, 0.5))
def test_the_effective_number_that_is_expected_is_about_the_one_that_comes(seed: int, explored: float) -> None:
    """Where draws are not rare both say the same: Kish's number of the weights that were seen, and of those due."""
    logged, challenger, rules, _ = lending(np.random.default_rng(seed), 4_000, explored)
    weight = importance_weights(logged, challenger - rules)
    due = expected_effective_n(logged, weight, undrawn_actions(logged, challenger - rules))
    assert due == pytest.approx(effective_sample_size(weight), rel=0.5)


def test_many_actions_share_evenly_what_the_propensity_leaves() -> None:
    n, actions = 50, 6
    policy = one_hot(np.full(n, 5), actions)
    logged = LoggedDecisions(
        action=np.zeros(n, dtype=np.int64),
        propensity=np.full(n, 0.9),
        reward=np.zeros(n),
        expected_values=np.zeros((n, actions)),
        is_exact=np.zeros(actions, dtype=bool),
        entity=np.arange(n),
    )
    undrawn = undrawn_actions(logged, policy)
    assert undrawn.row.tolist() == list(range(n))
    assert undrawn.chance == pytest.approx(0.02)
    assert undrawn.weight == pytest.approx(50)
