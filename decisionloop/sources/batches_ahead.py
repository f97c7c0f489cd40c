"""Batches to come, explored as the loop would explore them: by what those before them have shown, and by luck.

What hardly anybody has seen is dear, so few try it; a first good outcome makes it cheap, and many do. So a mean says
little, and several courses are drawn. Outcomes are drawn from those that the source has of others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from decisionloop.act.constraints import BatchTotals
from decisionloop.act.economics import money_range
from decisionloop.act.exploration.agreement import AgreedExploring, agree_on_exploring
from decisionloop.act.exploration.figures import ExploringFigures
from decisionloop.act.exploration.seen_money import BANDS, Cell, SeenMoney
from decisionloop.act.exploration.support import PROPENSITY_FLOOR
from decisionloop.act.exploration.tally import Outcomes
from decisionloop.act.situation import Situation
from decisionloop.act.turn import Turn
from decisionloop.contract import UseCase
from decisionloop.contract.exploration import Exploration
from decisionloop.learn.tried_otherwise import worth
from decisionloop.sources.tried_batches import TriedBatch

COURSES = 5
"""Courses that are drawn; the worst of them stands for bad luck."""
_STEPS = 12
"""How often in the time ahead what has been seen is brought up to date."""
_PLENTY = 5.0
"""Where so many times enough have been seen the rest is taken to go on as it has."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What m outcomes show: of which ``kind`` (m,), an index into ``kinds`` of action and the rules' reason, what they
    brought over the worst possible (``gain``) of what was possible (``reach``), both in currency (m,)."""

    kind: np.ndarray
    kinds: tuple[tuple[str, str], ...]
    gain: np.ndarray
    reach: np.ndarray
    is_rules: bool

    @classmethod
    def of(
        cls,
        use_case: UseCase,
        frame: pd.DataFrame,
        done: tuple[np.ndarray, np.ndarray, np.ndarray],
        between: Outcomes,
        is_rules: bool,
    ) -> Shown:
        """Outcomes of the people of ``frame``; ``done``: action (index), the rules' reason and money, each (m,)."""
        action, reason, money = done
        worst, best = (one[np.arange(len(frame)), action] for one in money_range(use_case, frame, between))
        is_told = np.isfinite(money) & (best > worst)
        names = np.array(use_case.action_names, dtype=object)[action]
        pairs = pd.MultiIndex.from_arrays([names[is_told], reason[is_told].astype(str)])
        kind, kinds = pairs.factorize()
        told = tuple((str(a), str(r)) for a, r in kinds)
        return cls(kind, told, (money - worst)[is_told], (best - worst)[is_told], is_rules)

    def sums(self, drawn: np.ndarray, weight: float) -> np.ndarray:
        """Sums (4, K) of weight, square, gain and reach by kind of the ``drawn`` outcomes, all of one weight."""
        kind, each = self.kind[drawn], np.ones(len(drawn))
        parts = (weight * each, weight**2 * each, weight * self.gain[drawn], weight * self.reach[drawn])
        return np.stack([np.bincount(kind, one, len(self.kinds)) for one in parts])

    def cells(self, sums: np.ndarray) -> Iterator[Cell]:
        """The sums as the loop has them."""
        for (action, reason), told in zip(self.kinds, sums.T.tolist(), strict=True):
            if told[0] > 0:
                yield Cell(action, self.is_rules, reason, BANDS, *told)


@dataclass(frozen=True, eq=False)
class Drawn:
    """m outcomes that were drawn: of whom (``entity``), of which ``action`` (index), at which ``weight``; each (m,)."""

    entity: np.ndarray
    action: np.ndarray
    weight: np.ndarray

    @classmethod
    def nothing(cls) -> Drawn:
        """Before anything is drawn."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))

    def __len__(self) -> int:
        return len(self.entity)

    def and_of(self, chances: np.ndarray, times: np.ndarray, population: float, rng: np.random.Generator) -> Drawn:
        """With what is drawn ``times`` (n, A) by ``chances`` (n, A), of any of the ``population``."""
        row, action = (np.repeat(one, times[times > 0]) for one in np.nonzero(times))
        many = len(row)
        entity = rng.integers(0, int(population), many) if math.isfinite(population) else len(self) + np.arange(many)
        more = Drawn(entity, action, 1 / chances[row, action])
        return Drawn(*(np.concatenate([getattr(self, one), getattr(more, one)]) for one in _DRAWN))

    @property
    def worth(self) -> float:
        """What the outcomes of the action are worth that is told best."""
        of_entity = pd.Series(self.weight).groupby([self.action, self.entity]).sum()
        by_action = pd.DataFrame({"one": of_entity, "squared": of_entity**2}).groupby(level=0).sum()
        return max((worth(*one) for one in by_action.itertuples(index=False)), default=0.0)


_DRAWN = ("entity", "action", "weight")


@dataclass(frozen=True, eq=False)
class BatchesAhead:
    """``batches`` of ``people`` to come; ``batch``: some of the people, with the rules' choice and reason.

    ``ours``: outcomes of what the rules do, of which a batch shows ``ours_a_batch``; ``others``: of what they do not.
    ``shown``: how likely an outcome of another action is seen. ``between``: the outcomes that money lies between.
    ``population``: from how many people those of the batches come again and again; infinite where nobody comes twice.
    """

    use_case: UseCase
    batch: TriedBatch
    ours: Shown
    ours_a_batch: float
    others: Shown
    shown: float
    between: Outcomes
    people: float
    batches: int
    population: float = math.inf

    def courses(self, exploration: Exploration, enough: float) -> list[float]:
        """What the outcomes of another action are worth that all batches show, `COURSES` times, the least first.

        As the gate will measure them (`learn.tried_otherwise`): of the action that is told best. They are run through
        until it is plain that they are worth more than ``enough``.
        """
        return sorted(self._each_course(exploration, enough))

    def are_enough(self, exploration: Exploration, enough: float) -> bool:
        """Whether ``enough`` outcomes of other actions are shown in every course: the first that fails ends it."""
        return all(one >= enough for one in self._each_course(exploration, enough))

    def _each_course(self, exploration: Exploration, enough: float) -> Iterator[float]:
        most = _PLENTY * enough
        return (self._course(exploration, most, np.random.default_rng(one)) for one in range(COURSES))

    def _course(self, exploration: Exploration, most: float, rng: np.random.Generator) -> float:
        step = max(1, math.ceil(self.batches / _STEPS))
        told = Drawn.nothing()
        theirs = np.zeros((4, len(self.others.kinds)))
        each = self.ours.sums(np.arange(len(self.ours.kind)), 1.0) / max(1, len(self.ours.kind))
        for done in range(0, self.batches, step):
            cells = (*self.ours.cells(each * self.ours_a_batch * done), *self.others.cells(theirs))
            chances = self._chances(exploration, SeenMoney(cells, self.between))
            chances = np.where(chances >= PROPENSITY_FLOOR, chances, 0.0)
            over = min(step, self.batches - done)
            drawn = rng.poisson(chances * over * self.shown * self.people / len(chances))
            told = told.and_of(chances, drawn, self.population, rng)
            if told.worth >= most:
                return float(round(told.worth * self.batches / (done + over)))
            if many := int(drawn.sum()):
                some = rng.integers(0, len(self.others.kind), many)
                theirs += self.others.sums(some, float(chances.size / chances.sum()))
        return float(round(told.worth))

    def once_known(self, exploration: Exploration) -> ExploringFigures | None:
        """How a batch of ``people`` is explored once all outcomes that the data has are seen; None: not at all.

        What is seen of most kinds is dear by then only where it really loses.
        """
        each = np.arange(len(self.ours.kind)), np.arange(len(self.others.kind))
        cells = (*self.ours.cells(self.ours.sums(each[0], 1.0)), *self.others.cells(self.others.sums(each[1], 1.0)))
        agreed, _ = self._agreed(exploration, SeenMoney(cells, self.between))
        return None if agreed is None else _of_more(agreed.figures, self.people / len(self.batch.frame))

    def _chances(self, exploration: Exploration, seen: SeenMoney) -> np.ndarray:
        """The chance (n, A) that each person of the batch is drawn another action once ``seen`` has been seen."""
        agreed, (use_case, situation) = self._agreed(exploration, seen)
        if agreed is None:
            return np.zeros((len(self.batch.frame), len(use_case.actions)))
        frame = self.batch.frame
        turn = Turn.of(use_case, frame, self.batch.as_of.to_pydatetime(), situation)
        return agreed.of(use_case, frame, turn, situation).chances(turn.offer.alternatives(turn.rules))

    def _agreed(
        self, exploration: Exploration, seen: SeenMoney
    ) -> tuple[AgreedExploring | None, tuple[UseCase, Situation]]:
        """What the batch agrees on, as the loop would, with its part of the budget of one of ``people``."""
        frame, rows = self.batch.frame, len(self.batch.frame)
        part = rows / max(self.people, 1.0)
        if exploration.kind == "priced" and exploration.budget_money is not None:
            exploration = exploration.model_copy(update={"budget_money": exploration.budget_money * part})
        policy = self.use_case.policy.model_copy(update={"exploration": exploration})
        use_case = self.use_case.model_copy(update={"policy": policy})
        unvalued = np.full((rows, len(use_case.actions)), np.nan)
        situation = Situation(unvalued, self.batch.action, False, reason=self.batch.reason, seen=seen)
        totals, as_of = BatchTotals.of(use_case, frame), self.batch.as_of.to_pydatetime()
        return agree_on_exploring(use_case, as_of, totals, lambda: [(frame, situation)], ()), (use_case, situation)


def _of_more(figures: ExploringFigures, times: float) -> ExploringFigures:
    """The figures of so many times as many people; those of groups are left out."""
    return replace(
        figures,
        rows=round(figures.rows * times),
        explored=figures.explored * times,
        cost=figures.cost * times,
        value_expected=figures.value_expected * times,
        budget=None if figures.budget is None else figures.budget * times,
        groups=(),
    )
