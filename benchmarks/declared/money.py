"""Money: what was earned, a policy's value, and the gate's difference of two, in worlds that are hard for intervals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.declared.row import Row, is_above, misses
from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import difference, one_hot
from decisionloop.observe.possible_money import PossibleMoney
from decisionloop.observe.value import realised_value


@dataclass(frozen=True)
class Loans:
    """Risk z turns bad with logistic(1.6 z + ``base``); a loan of lognormal size earns 1 of it or loses ``loss``.

    Rules lend where a noisy view of z is below 0.9, the challenger where its own is below ``cut``. ``heavy``: sigma
    of a lognormal factor of each loss, which nobody knows before. ``per``: decisions an entity, who share their luck.
    """

    n: int = 6_000
    base: float = -2.6
    loss: float = 15.0
    explored: float = 0.05
    cut: float = 0.9
    heavy: float = 0.0
    per: int = 1

    def log(self, rng: np.random.Generator) -> tuple[LoggedDecisions, np.ndarray, np.ndarray, float]:
        """A log, the challenger's and the rules' probabilities, and the true difference on these decisions."""
        *told, gains = self.rows(rng)
        return *told, float(gains.mean())

    def rows(self, rng: np.random.Generator) -> tuple[LoggedDecisions, np.ndarray, np.ndarray, np.ndarray]:
        """The same with the true difference of each decision (n,)."""
        n, entity = self.n, np.arange(self.n) // self.per
        z = rng.normal(size=entity[-1] + 1)[entity]
        p = 1 / (1 + np.exp(-1.6 * z - self.base))
        is_bad = np.where(rng.random(n) < 0.5, rng.random(entity[-1] + 1)[entity], rng.random(n)) < p
        size = rng.lognormal(-0.18, 0.6, n)
        rules = (z + 0.5 * rng.normal(size=n) < 0.9).astype(int)
        challenger = (z + 0.5 * rng.normal(size=n) < self.cut).astype(int)
        is_explored = rng.random(n) < self.explored
        action = np.where(is_explored, 1 - rules, rules)
        factor = rng.lognormal(-(self.heavy**2) / 2, self.heavy, n) if self.heavy else 1.0
        earned = np.where(is_bad, -self.loss * factor, 1.0) * size
        believed = 1 / (1 + np.exp(-0.8 * (1.6 * z + self.base) - 0.3))
        nothing = np.zeros(n)
        logged = LoggedDecisions(
            action=action,
            propensity=np.where(is_explored, self.explored, 1 - self.explored),
            reward=np.where(action == 1, earned, 0.0),
            expected_values=np.column_stack([nothing, size * (1 - (1 + self.loss) * believed)]),
            is_exact=np.array([True, False]),
            entity=entity,
            possible=PossibleMoney(
                np.column_stack([nothing, -self.loss * size * np.exp(self.heavy**2 / 2)]),
                np.column_stack([nothing, size]),
                is_bound=not self.heavy,
            ),
        )
        gains = (challenger - rules) * size * (1 - (1 + self.loss) * p)
        return logged, one_hot(challenger, 2), one_hot(rules, 2), gains

    def gate_errs(self, rng: np.random.Generator) -> bool:
        """The gate's lower bound of the gain at 90 %."""
        logged, challenger, rules, truth = self.log(rng)
        return is_above(difference(logged, challenger, rules, confidence=0.8).money, truth)

    def interval_errs(self, rng: np.random.Generator) -> bool:
        """The two-sided interval of the gain at 95 %."""
        logged, challenger, rules, truth = self.log(rng)
        return misses(difference(logged, challenger, rules).money, truth)


@dataclass(frozen=True)
class Offers:
    """Each of the ``actions`` brings a lognormal amount with a small chance, at its own cost; propensities >= 0.005."""

    n: int = 6_000
    actions: int = 3
    chance: float = 0.02

    def interval_errs(self, rng: np.random.Generator) -> bool:
        """The two-sided interval at 95 % of the difference of two policies."""
        n, k = self.n, self.actions
        x = rng.normal(size=(n, k))
        pi = np.exp(1.5 * x)
        pi = 0.005 + (1 - k * 0.005) * pi / pi.sum(axis=1, keepdims=True)
        action = np.minimum((rng.random(n)[:, None] > pi.cumsum(axis=1)).sum(axis=1), k - 1)
        cost, mean = np.arange(k) * 0.5, self.chance * 50
        bought = rng.random(n) < self.chance
        reward = np.where(bought, 50 * rng.lognormal(-0.5, 1, n), 0.0) - cost[action]
        usual = 50 * np.exp(0.5)
        logged = LoggedDecisions(
            action=action,
            propensity=pi[np.arange(n), action],
            reward=reward,
            expected_values=np.tile(0.8 * mean - cost, (n, 1)),
            is_exact=np.zeros(k, dtype=bool),
            entity=np.arange(n),
            possible=PossibleMoney(np.tile(-cost, (n, 1)), np.tile(usual - cost, (n, 1)), is_bound=False),
        )
        one, other = ((x + 0.5 * rng.normal(size=x.shape)).argmax(axis=1) for _ in range(2))
        truth = float((cost[other] - cost[one]).mean())
        return misses(difference(logged, one_hot(one, k), one_hot(other, k)).money, truth)


def _cohort_errs(rng: np.random.Generator, n: int, chance: float, loss: float) -> bool:
    """What a cohort earned at 95 %: everybody is lent to, and loses ``loss`` with a small chance."""
    flat = np.ones((n, 1))
    reward = np.where(rng.random(n) < chance, -loss, 1.0)
    possible = PossibleMoney(-loss * flat, flat, is_bound=True)
    logged = LoggedDecisions(
        np.zeros(n, dtype=np.int64), flat[:, 0], reward, 0 * flat, np.array([False]), np.arange(n), None, possible
    )
    return misses(realised_value(logged).per_decision, 1 - chance * (1 + loss))


GATE, GAIN, EARNED = "gain at the gate, lower bound", "gain of a policy", "money earned by a cohort"
ROWS = (
    Row(GATE, "5 % explored, equal", 0.1, Loans().gate_errs),
    Row(GATE, "5 % explored, lends more", 0.1, Loans(cut=1.4).gate_errs),
    Row(GATE, "losses lognormal, sigma 1.5", 0.1, Loans(heavy=1.5).gate_errs),
    Row(GATE, "loss 400 in 0.1 %", 0.1, Loans(base=-8.3, loss=400, cut=1.8).gate_errs),
    Row(GATE, "propensity 0.005", 0.1, Loans(20_000, explored=0.005, cut=1.4).gate_errs, 900),
    Row(GATE, "50 entities, 20 decisions each", 0.1, Loans(1_000, per=20).gate_errs),
    Row(GAIN, "5 % explored, equal", 0.05, Loans().interval_errs),
    Row(GAIN, "n 400", 0.05, Loans(400, cut=1.8).interval_errs),
    Row(GAIN, "0.5 % explored, some 10 draws tell", 0.05, Loans(7_000, -2.0, 6, explored=0.005).interval_errs),
    Row(GAIN, "2 % explored, some 5 draws tell", 0.05, Loans(700, explored=0.02).interval_errs),
    Row(GAIN, "n 200,000", 0.05, Loans(200_000).interval_errs, 150),
    Row(GAIN, "3 actions from 0.005, amounts", 0.05, Offers().interval_errs),
    Row(GAIN, "12 actions from 0.005, amounts", 0.05, Offers(actions=12).interval_errs, 1_500),
    Row(EARNED, "n 30, loss 6 in 10 %", 0.05, partial(_cohort_errs, n=30, chance=0.1, loss=6)),
    Row(EARNED, "n 250, loss 400 in 0.2 %", 0.05, partial(_cohort_errs, n=250, chance=0.002, loss=400)),
    Row(EARNED, "n 1,000, loss 900 in 0.1 %", 0.05, partial(_cohort_errs, n=1_000, chance=0.001, loss=900)),
    Row(EARNED, "n 1,000, loss 30 in 2 %", 0.05, partial(_cohort_errs, n=1_000, chance=0.02, loss=30)),
)
