"""What may be chosen in a batch, and how likely every action is once one of them is preferred."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np


class Exploring(Protocol):
    """How likely other actions are drawn in place of the preferred one."""

    def chances(self, others: np.ndarray) -> np.ndarray:
        """The chance (n, A) of each action in ``others`` bool (n, A), what may be drawn; 0 elsewhere."""

    def expected(self, gains: np.ndarray, explorable: np.ndarray) -> np.ndarray:
        """Gain (n, A) of preferring each action where those in ``explorable`` bool (n, A) may be drawn instead."""

    def rows(self, index: np.ndarray) -> Exploring:
        """The same for some of the rows, in the order of ``index``."""


@dataclass(frozen=True)
class FlatShare:
    """Every decision explores with the same ``share``, which its alternatives have in equal parts."""

    share: float

    def chances(self, others: np.ndarray) -> np.ndarray:
        """See :class:`Exploring`."""
        many = others.sum(axis=1)
        return np.where(others, self.share / np.maximum(many, 1)[:, None], 0.0)

    def expected(self, gains: np.ndarray, explorable: np.ndarray) -> np.ndarray:
        """See :class:`Exploring`."""
        known = np.where(explorable, gains, 0.0)
        others = explorable.sum(axis=1, keepdims=True) - explorable
        mean = np.divide(known.sum(axis=1, keepdims=True) - known, others, out=gains.copy(), where=others > 0)
        return np.where(others > 0, (1 - self.share) * gains + self.share * mean, gains)

    def rows(self, index: np.ndarray) -> FlatShare:
        """See :class:`Exploring`."""
        return self


@dataclass(frozen=True)
class OwnChances:
    """Each action of each row has a chance ``chance`` (n, A) of its own."""

    chance: np.ndarray

    def chances(self, others: np.ndarray) -> np.ndarray:
        """See :class:`Exploring`."""
        return np.where(others, self.chance, 0.0)

    def expected(self, gains: np.ndarray, explorable: np.ndarray) -> np.ndarray:
        """See :class:`Exploring`. What is preferred cannot be explored, so that its own chance cancels out."""
        chance = np.where(explorable, self.chance, 0.0)
        tried = np.where(chance > 0, chance * gains, 0.0).sum(axis=1, keepdims=True)
        return np.asarray((1 - chance.sum(axis=1, keepdims=True)) * gains + tried)

    def rows(self, index: np.ndarray) -> OwnChances:
        """See :class:`Exploring`."""
        return OwnChances(self.chance[index])


NO_EXPLORING = FlatShare(0.0)


@functools.lru_cache(maxsize=64)
def _by_preference(actions: int, default: int) -> np.ndarray:
    """So many actions (A,) in the order in which they win ties; nobody may change it."""
    return np.r_[default, np.delete(np.arange(actions), default)]


@dataclass(frozen=True)
class Offer:
    """What may be chosen for n rows among A actions.

    ``values`` money (n, A); ``allowed`` bool (n, A); ``fixed`` (n,) the action of rows that are not the policy's
    to choose, -1 elsewhere; ``exploring``: how likely the alternatives are; ``default_action`` wins ties, then contract
    order; ``teaches`` bool (A,): only an action that reveals its outcome is worth exploring, the money of the others is
    known without trying. ``reach`` bool (n, A): what may be preferred, None: whatever is allowed; exploring may draw
    beyond it.
    """

    values: np.ndarray
    allowed: np.ndarray
    fixed: np.ndarray
    exploring: Exploring
    default_action: int
    teaches: np.ndarray
    reach: np.ndarray | None = None

    @property
    def is_free(self) -> np.ndarray:
        """Rows that the policy chooses for (n,)."""
        return self.fixed < 0

    def alternatives(self, greedy: np.ndarray) -> np.ndarray:
        """Actions bool (n, A) that exploring may draw instead of ``greedy`` (n,); none where a row is fixed."""
        others = self.allowed & self.teaches & self.is_free[:, None]
        others[np.arange(len(greedy)), greedy] = False
        return others

    def chances(self, greedy: np.ndarray) -> np.ndarray:
        """The chance (n, A) that exploring draws each alternative to ``greedy`` (n,)."""
        return self.exploring.chances(self.alternatives(greedy))

    def expected(self, gains: np.ndarray) -> np.ndarray:
        """Gain (n, A) of preferring each action, exploration included, for a gain (n, A) of taking each."""
        return self.exploring.expected(gains, self.allowed & self.teaches)

    def best(self, gains: np.ndarray) -> np.ndarray:
        """The action of the largest gain (n,) of those within reach, or the fixed one."""
        order = _by_preference(gains.shape[1], self.default_action)
        is_open = self.allowed if self.reach is None else self.allowed & self.reach
        best = order[np.argmax(np.where(is_open, gains, -np.inf)[:, order], axis=1)]
        return np.where(self.is_free, best, self.fixed)

    def propensities(self, greedy: np.ndarray) -> np.ndarray:
        """P(action) (n, A) when ``greedy`` is preferred: the alternatives' chances, and the rest of 1 for it."""
        chances = self.chances(greedy)
        chances[np.arange(len(greedy)), greedy] = 1 - chances.sum(axis=1)
        return chances

    def rows(self, index: np.ndarray) -> Offer:
        """The offer to some of the rows, in the order of ``index``."""
        reach = None if self.reach is None else self.reach[index]
        cut = {"values": self.values[index], "allowed": self.allowed[index], "fixed": self.fixed[index]}
        return replace(self, **cut, exploring=self.exploring.rows(index), reach=reach)
