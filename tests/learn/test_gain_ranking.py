"""Where the action is an input a model is judged by whom an action changes, not by who has the outcome anyway."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from decisionloop.contract import UseCase, load_use_case
from decisionloop.learn.evidence import gate_rules
from decisionloop.learn.gain_ranking import ranking_value
from decisionloop.learn.gate import judge
from decisionloop.observe.logged_decisions import LoggedDecisions
from tests.learn.test_gate import GOOD, RULES, estimate
from tests.small_use_case import write_offers, write_small

N = 6000


@pytest.fixture(scope="module")
def offers(tmp_path_factory) -> UseCase:
    return load_use_case(write_offers(tmp_path_factory.mktemp("usecases")).folder).use_case


def logged(seed: int = 0) -> tuple[LoggedDecisions, np.ndarray]:
    """Actions drawn evenly; the first person gains most from either, and the last one loses. True money (n, 3)."""
    chance = np.random.default_rng(seed)
    base, gain = chance.uniform(0, 20, N), np.linspace(6, -4, N)
    truth = np.stack([base, base + 0.5 * gain, base + gain], axis=1)
    action = chance.integers(0, 3, N)
    reward = truth[np.arange(N), action] + chance.normal(0, 5, N)
    flat = np.zeros((N, 3))
    return LoggedDecisions(action, np.full(N, 1 / 3), reward, flat, np.zeros(3, dtype=bool), np.arange(N)), truth


ALLOWED = np.ones((N, 3), dtype=bool)


def test_it_is_the_money_between_the_order_and_a_random_one(offers):
    log, truth = logged()
    best = truth[:, 1:].max(axis=1) - truth[:, 0]
    rank = np.argsort(np.argsort(best)) / N
    found = ranking_value(offers, log, truth, ALLOWED, 0.95)
    assert found.low < ((rank - 0.5) * best).mean() < found.high
    assert found.low > 0


def test_who_has_the_outcome_anyway_is_no_gain(offers):
    """A perfect prediction of what everybody is worth without any offer, and the same gain for all."""
    log, truth = logged()
    blind = np.stack([truth[:, 0], truth[:, 0] + 1, truth[:, 0] + 2], axis=1)
    found = ranking_value(offers, log, blind, ALLOWED, 0.95)
    assert found.low <= 0 <= found.high


def test_the_wrong_way_round_is_refused_and_a_gain_alike_for_all_is_not(offers):
    log, truth = logged()
    wrong = ranking_value(
        offers, log, np.stack([truth[:, 0], truth[:, 0], 2 * truth[:, 0] - truth[:, 2]], 1), ALLOWED, 0.8
    )
    rules = replace(RULES, is_ranked_by_gain=True)
    refused = judge(replace(GOOD, gain_ranking=wrong), rules)
    assert refused.decision == "refuse"
    assert "the wrong way round" in refused.reason
    alike = judge(replace(GOOD, gain_ranking=estimate(0.01, 0.3), auc=estimate(0.5, 0.1)), rules)
    assert alike.decision == "promote"
    assert judge(replace(GOOD, gain_ranking=None), rules).decision == "insufficient"


def test_only_allowed_actions_are_treatments(offers):
    log, truth = logged()
    only_default = ALLOWED.copy()
    only_default[:, 1:] = False
    nobody = ranking_value(offers, log, truth, only_default, 0.95)
    assert (nobody.low, nobody.high) == (0.0, 0.0)


def test_the_contract_says_which_kind_of_skill_is_asked_for(offers, tmp_path):
    assert gate_rules(offers, 1).is_ranked_by_gain
    assert not gate_rules(load_use_case(write_small(tmp_path).folder).use_case, 1).is_ranked_by_gain
