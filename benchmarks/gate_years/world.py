"""Worlds of lending in which it is known what a challenger is worth: heavy tails, rare losses, people who return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisionloop.observe.logged_decisions import LoggedDecisions
from decisionloop.observe.off_policy import one_hot
from decisionloop.observe.possible_money import PossibleMoney

BEFORE, WEEKS, A_MONTH, MATURITY = 12, 52, 4, 4
"""Weeks of log before the year, weeks of the year, weeks between trainings, weeks until outcomes are mature."""
RETURN_AFTER = 4
"""Every entity is decided again after so many weeks; its risk, and what anybody sees of it, stay the same."""


@dataclass(frozen=True)
class View:
    """Who lends where a view of the risk z, blurred by ``noise``, is below ``cut``."""

    noise: float
    cut: float


@dataclass(frozen=True)
class World:
    """Risk z turns bad with logistic(1.6 z + ``base``); a loan of lognormal size earns 1 of it or loses ``loss``.

    The ``champion`` decides; each month brings a ``worse`` challenger, but that of the third month is ``better`` (None:
    worse as well). ``spread``: sigma of the size; ``explored``: share of decisions drawn the other way.
    """

    name: str
    base: float
    loss: float
    champion: View
    worse: tuple[View, ...]
    better: View | None = None
    n: int = 1_000
    spread: float = 0.6
    explored: float = 0.05

    def year(self, rng: np.random.Generator) -> Year:
        """One year of it."""
        people = RETURN_AFTER * self.n
        weeks = BEFORE + WEEKS
        entity = (np.arange(weeks * self.n)) % people
        z, size = rng.normal(size=people)[entity], rng.lognormal(-(self.spread**2) / 2, self.spread, people)[entity]
        p = 1 / (1 + np.exp(-1.6 * z - self.base))
        views = [self.champion, *(self._challenger(rng, month) for month in range(WEEKS // A_MONTH))]
        acts = [(z + view.noise * rng.normal(size=people)[entity] < view.cut).astype(np.int64) for view in views]
        is_explored = rng.random(len(z)) < self.explored
        action = np.where(is_explored, 1 - acts[0], acts[0])
        is_bad = rng.random(len(z)) < p
        guessed = 1 / (1 + np.exp(-1.6 * (z + 0.3 * rng.normal(size=len(z))) - self.base))
        nothing = np.zeros(len(z))
        logged = LoggedDecisions(
            action=action,
            propensity=np.where(is_explored, self.explored, 1 - self.explored),
            reward=np.where(action == 1, np.where(is_bad, -self.loss, 1.0) * size, 0.0),
            expected_values=np.column_stack([nothing, size * (1 - (1 + self.loss) * guessed)]),
            is_exact=np.array([True, False]),
            entity=entity,
            possible=PossibleMoney(
                np.column_stack([nothing, -self.loss * size]), np.column_stack([nothing, size]), is_bound=True
            ),
        )
        worth = size * (1 - (1 + self.loss) * p)
        return Year(self, logged, acts[0], tuple(acts[1:]), tuple(view == self.better for view in views[1:]), worth)

    def _challenger(self, rng: np.random.Generator, month: int) -> View:
        if month == 2 and self.better is not None:
            return self.better
        return self.worse[int(rng.integers(len(self.worse)))]


@dataclass(frozen=True, eq=False)
class Year:
    """A log of whole weeks with the actions of champion and challengers, which of them are better, and the true
    money of lending, all (n,)."""

    world: World
    logged: LoggedDecisions
    champion: np.ndarray
    challengers: tuple[np.ndarray, ...]
    is_better: tuple[bool, ...]
    worth: np.ndarray

    def weeks(self, first: int, last: int) -> np.ndarray:
        """The positions of the decisions of weeks ``first`` to ``last`` - 1, counted from the start of the log."""
        return np.arange(first * self.world.n, last * self.world.n)

    def policies(self, month: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The probabilities of a month's challenger and of the champion, (n, 2)."""
        return one_hot(self.challengers[month][rows], 2), one_hot(self.champion[rows], 2)


PLAIN = {"base": -2.6, "loss": 15.0}
RARE = {"base": -8.3, "loss": 400.0}
_SEES, _BLURRED = View(0.5, 0.9), (View(0.5, 0.9), View(0.55, 0.9), View(0.5, 1.2))

WORLDS = (
    World("loss 15, all as good or worse", **PLAIN, champion=_SEES, worse=_BLURRED, n=400),
    World(
        "sizes lognormal, sigma 1.5, all as good or worse", **PLAIN, champion=_SEES, worse=_BLURRED, n=400, spread=1.5
    ),
    World(
        "loss 400 in 0.1 %, all as good or worse",
        **RARE,
        champion=View(0.5, 1.8),
        worse=(View(0.5, 1.8), View(0.5, 2.4), View(0.6, 1.8)),
        n=400,
    ),
    World("0.5 % explored, all as good or worse", **PLAIN, champion=_SEES, worse=_BLURRED, n=400, explored=0.005),
    World("one lends more carefully", **PLAIN, champion=View(0.5, 1.2), worse=(View(0.6, 1.2),), better=View(0.5, 0.6)),
    World("one sees much more", **PLAIN, champion=View(1.5, 1.2), worse=(View(1.7, 1.2),), better=View(0.2, 0.6)),
    World(
        "one lends more, 20 % explored",
        **PLAIN,
        champion=View(0.3, -1.5),
        worse=(View(0.6, -1.7),),
        better=View(0.3, 0.3),
        explored=0.2,
    ),
)
