"""What the loop makes of a replay that shows a likely action oftener: money, gain and rates against the known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from decisionloop.contract import UseCase, parse_use_case
from decisionloop.monitor.value import business_figures
from decisionloop.observe.cohort import logged_decisions, money_figures
from decisionloop.observe.estimate import Estimate
from decisionloop.observe.off_policy import one_hot
from decisionloop.sources import randomised_log
from tests.sources.test_randomised_log import SECTIONS

N, RUNS, EXPLORED = 3_000, 120, 0.2
WAIT, OFFER = 0, 1


class World:
    """Who spends buys oftener, and an offer of 0.1 adds to it; the log offered to one in ten, and to fewer who do not
    spend. The loop offers to spenders and explores; the rules wait."""

    def __init__(self, seed: int, n: int = N) -> None:
        chance = np.random.default_rng(seed)
        self.spends, n = chance.random(n) < 0.5, n
        self.risk = np.column_stack([np.where(self.spends, 0.3, 0.1), np.where(self.spends, 0.6, 0.15)])
        offered = np.where(self.spends, 0.15, 0.06)
        logged = (chance.random(n) < offered).astype(int)
        self.happens = chance.random((n, 2)) < self.risk
        self.logged = pd.DataFrame({
            "entity_id": [f"c{i}" for i in range(n)],
            randomised_log.RECORDED: pd.Timestamp("2026-01-01", tz="UTC"),
            randomised_log.LOGGED: np.where(logged == OFFER, "offer", "wait"),
            "propensity": np.where(logged == OFFER, offered, 1 - offered),
        })  # fmt: skip
        self.preferred = self.spends.astype(int)
        explored, self.is_held = chance.random(n) < EXPLORED, chance.random(n) < 0.1
        own = np.where(explored, 1 - self.preferred, self.preferred)
        self.action = np.where(self.is_held, WAIT, own)
        self.propensity = np.where(self.is_held, 1.0, np.where(explored, EXPLORED, 1 - EXPLORED))
        self.role = np.where(self.is_held, "holdout", np.where(explored, "exploration", "champion"))
        self.is_shown = (self.action == logged) & randomised_log._is_kept(self.logged, "propensity")

    @property
    def log(self) -> pd.DataFrame:
        outcome = self.happens[np.arange(len(self.action)), self.action].astype(float)
        return pd.DataFrame({
            "entity_id": self.logged["entity_id"],
            "role": self.role,
            "action": np.where(self.action == OFFER, "offer", "wait"),
            "propensity": self.propensity,
            "fallback_reason": None,
            "outcome_class": np.where(self.is_shown, outcome, np.nan),
            "outcome_amount": np.nan,
        })  # fmt: skip

    @property
    def truth(self) -> dict[str, float]:
        """Money a decision, of which an outcome brings 1 and an offer costs 0.1, and rates of the outcome."""
        rows, free = np.arange(len(self.action)), ~self.is_held
        taken, waited = self.risk[rows, self.action], self.risk[:, WAIT]
        money = taken - 0.1 * self.action
        return {
            "value_policy": float(money.mean()),
            "value_rules": float(waited.mean()),
            "value_difference": float((money - waited)[free].mean()),
            "conversion": float(taken[free].mean()),
            "conversion_lift": float(taken[free].mean() - taken[~free].mean()),
        }


@pytest.fixture(scope="module")
def use_case() -> UseCase:
    import yaml

    from tests.sources.conftest import CONTRACT, LOG

    value = {"wait": "outcome", "offer": "outcome - 0.1"}
    economics = {"currency": "EUR", "value": value, "explanation": "One euro each."}
    content = yaml.safe_load(CONTRACT) | {"source": LOG} | SECTIONS | {"economics": economics}
    return parse_use_case(yaml.safe_dump(content), "parcels")


def told(use_case: UseCase, world: World) -> dict[str, Estimate]:
    log = world.log
    frame = pd.DataFrame({"client": log["entity_id"], "spend": np.where(world.spends, 90.0, 10.0)})
    logged = logged_decisions(use_case, log, frame, None)
    rules, unexplored = np.full(len(log), WAIT), one_hot(world.preferred, 2)
    figures = [*money_figures(log, logged, rules, unexplored), *business_figures(use_case, log, frame)]
    return {one.monitor: one.estimate for one in figures}


def test_money_gain_and_rates_are_unbiased_and_their_intervals_hold(use_case):
    misses: dict[str, list[float]] = {}
    held: dict[str, list[bool]] = {}
    for seed in range(RUNS):
        world = World(seed)
        figures, truth = told(use_case, world), world.truth
        for name, true in truth.items():
            misses.setdefault(name, []).append(figures[name].value - true)
            held.setdefault(name, []).append(figures[name].low <= true <= figures[name].high)
    for name, errors in misses.items():
        assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(RUNS), name
        assert np.mean(held[name]) >= 0.9, name


def test_a_likely_action_is_shown_as_often_as_it_was_likely_and_the_rules_money_is_that_much_surer(use_case):
    world = World(7, 20_000)
    shown = [world.is_shown[world.action == one].mean() for one in (WAIT, OFFER)]
    assert shown == pytest.approx([0.85, 0.06], abs=0.02)
    least = world.logged["propensity"].min()
    alike = World(7, 20_000)  # as though every action were shown as rarely as the least likely one
    alike.is_shown &= np.random.default_rng(1).random(20_000) < np.where(world.action == WAIT, least / 0.85, 1.0)
    ours, theirs = (told(use_case, one)["value_rules"] for one in (world, alike))
    assert ours.high - ours.low < 0.5 * (theirs.high - theirs.low)
