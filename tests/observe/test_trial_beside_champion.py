"""What a release on trial earned is its own: it is no promise kept by the champion, nor the luck of an action."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.observe.cohort import CHAMPION_LIFT, money_figures
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.possible_money import PossibleMoney

N, SHARE, EXPLORED = 40_000, 0.5, 0.02


def told() -> dict[str, Estimate]:
    """Rules and champion raise for everybody; who is on trial holds for the worst half, which saves 2 each there."""
    rng = np.random.default_rng(4)
    is_bad = rng.random(N) < 0.5
    champion, rules = np.ones(N, dtype=int), np.ones(N, dtype=int)
    theirs = np.where(is_bad, 0, 1)
    unexplored = (1 - SHARE) * one_hot(champion, 2) + SHARE * one_hot(theirs, 2)
    chance = EXPLORED / 2 + (1 - EXPLORED) * unexplored
    action = (rng.random(N) < chance[:, 1]).astype(int)
    ends = (np.tile([0.0, end], (N, 1)) for end in (-4.0, 1.0))
    logged = LoggedDecisions(
        action=action,
        propensity=chance[np.arange(N), action],
        reward=np.where(action == 1, np.where(is_bad, -2.0, 1.0), 0.0),
        expected_values=np.column_stack([np.zeros(N), np.where(is_bad, -1.0, 0.5)]),
        is_exact=np.array([True, False]),
        entity=np.arange(N),
        possible=PossibleMoney(*ends, is_bound=True),
    )
    log = pd.DataFrame({"role": ["champion"] * N, "fallback_reason": [None] * N})
    figures = money_figures(log, logged, rules, unexplored, champion)
    return {figure.monitor: figure.estimate for figure in figures}


def test_the_champion_is_told_apart_from_who_is_on_trial_beside_it() -> None:
    figures = told()
    assert figures[CHAMPION_LIFT].value == pytest.approx(0, abs=1e-9)  # it does what the rules do
    loop = figures["value_difference"]
    assert loop.value == pytest.approx(SHARE * 0.5 * 2, abs=0.05)  # half of the bad half is spared a loss of 2
