"""Whether actions were taken as often as logged, and that no log is accused whose rare draws did not come."""

from __future__ import annotations

import numpy as np
import pytest

from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.overlap import MAXIMUM_WEIGHT_DEVIATION, Overlap, measure_overlap

ROWS = 3000


def _asked(random: np.random.Generator, actions: int, taken_as_logged: float = 1.0) -> Overlap:
    """A log that explores the less the dearer it is (0.2 % to 60 %), asked what its second action brings everybody."""
    chance = np.exp(random.uniform(np.log(0.002), np.log(0.6), ROWS)) / (actions - 1)
    others = random.random(ROWS) < (actions - 1) * chance * taken_as_logged
    action = np.where(others, random.integers(1, actions, ROWS), 0)
    logged = LoggedDecisions(
        action=action,
        propensity=np.where(action > 0, chance, 1 - (actions - 1) * chance),
        reward=random.normal(size=ROWS),
        expected_values=np.zeros((ROWS, actions)),
        is_exact=np.zeros(actions, dtype=bool),
        entity=np.arange(ROWS),
    )
    asked = np.zeros((ROWS, actions))
    asked[:, 1] = 1.0
    weight = np.where(action == 1, 1 / logged.propensity, 0.0)
    return measure_overlap(logged, asked, weight)


@pytest.mark.parametrize("actions", [2, 3, 12])
def test_an_honest_log_is_accused_of_nothing_however_rare_its_draws_are(actions):
    random = np.random.default_rng(actions)
    deviations = np.array([_asked(random, actions).weight_deviation for _ in range(400)])
    assert np.abs(deviations).max() < MAXIMUM_WEIGHT_DEVIATION
    assert np.abs(deviations).std() < 1.2


@pytest.mark.parametrize("actions", [2, 3])
@pytest.mark.parametrize("taken", [0.2, 2.0])
def test_actions_that_were_taken_less_or_more_often_than_logged_are_noticed(actions, taken):
    random = np.random.default_rng(7)
    deviations = np.array([_asked_often(random, actions, taken) for _ in range(40)])
    noticed = (np.sign(deviations) == np.sign(taken - 1)) & (np.abs(deviations) > MAXIMUM_WEIGHT_DEVIATION)
    assert noticed.mean() > 0.9


def _asked_often(random: np.random.Generator, actions: int, taken: float) -> float:
    """The same of a log that explores 5 % evenly, in which the propensities are not what was done."""
    chance = np.full(ROWS, 0.05 / (actions - 1))
    action = np.where(random.random(ROWS) < 0.05 * taken, random.integers(1, actions, ROWS), 0)
    logged = LoggedDecisions(
        action=action,
        propensity=np.where(action > 0, chance, 0.95),
        reward=random.normal(size=ROWS),
        expected_values=np.zeros((ROWS, actions)),
        is_exact=np.zeros(actions, dtype=bool),
        entity=np.arange(ROWS),
    )
    asked = np.zeros((ROWS, actions))
    asked[:, 1:] = 1.0 / (actions - 1)
    weight = np.where(action > 0, 1 / ((actions - 1) * logged.propensity), 0.0)
    return measure_overlap(logged, asked, weight).weight_deviation


def test_one_entity_drawn_by_one_chance_time_and_again_is_no_fault_of_the_propensities():
    """As a canary draws an entity once, and then decides for it at every time."""
    random, accused = np.random.default_rng(3), 0
    for _ in range(200):
        entity = np.repeat(np.arange(300), 20)
        drawn = np.repeat(random.random(300) < 0.05, 20)
        logged = LoggedDecisions(
            action=drawn.astype(np.int64),
            propensity=np.where(drawn, 0.05, 0.95),
            reward=random.normal(size=len(entity)),
            expected_values=np.zeros((len(entity), 2)),
            is_exact=np.zeros(2, dtype=bool),
            entity=entity,
        )
        asked = np.tile([0.0, 1.0], (len(entity), 1))
        deviation = measure_overlap(logged, asked, np.where(drawn, 20.0, 0.0)).weight_deviation
        accused += abs(deviation) > MAXIMUM_WEIGHT_DEVIATION
    assert accused == 0
