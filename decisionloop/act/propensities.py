"""What may be chosen in a batch, and how likely every action is once one of them is preferred."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Offer:
    """What may be chosen for n rows among A actions.

    ``values`` money (n, A); ``allowed`` bool (n, A); ``fixed`` (n,) the action of rows that are not the policy's
    to choose, -1 elsewhere; ``exploration_share`` e; ``default_action`` wins ties, then contract order;
    ``teaches`` bool (A,): only an action that reveals its outcome is worth exploring, the money of the others is
    known without trying. ``reach`` bool (n, A): what may be preferred, None: whatever is allowed; exploring may draw
    beyond it.
    """

    values: np.ndarray
    allowed: np.ndarray
    fixed: np.ndarray
    exploration_share: float
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

    def expected(self, gains: np.ndarray) -> np.ndarray:
        """Gain (n, A) of preferring each action, exploration included, for a gain (n, A) of taking each."""
        explorable = self.allowed & self.teaches
        known = np.where(explorable, gains, 0.0)
        others = explorable.sum(axis=1, keepdims=True) - explorable
        mean = np.divide(known.sum(axis=1, keepdims=True) - known, others, out=gains.copy(), where=others > 0)
        return np.where(others > 0, (1 - self.exploration_share) * gains + self.exploration_share * mean, gains)

    def best(self, gains: np.ndarray) -> np.ndarray:
        """The action of the largest gain (n,) of those within reach, or the fixed one."""
        order = np.r_[self.default_action, np.delete(np.arange(gains.shape[1]), self.default_action)]
        is_open = self.allowed if self.reach is None else self.allowed & self.reach
        best = order[np.argmax(np.where(is_open, gains, -np.inf)[:, order], axis=1)]
        return np.where(self.is_free, best, self.fixed)

    def propensities(self, greedy: np.ndarray) -> np.ndarray:
        """P(action) (n, A) when ``greedy`` is preferred: 1 - e, and e shared by the alternatives, if there are any."""
        others = self.alternatives(greedy)
        many = others.sum(axis=1)
        chances = np.where(others, self.exploration_share / np.maximum(many, 1)[:, None], 0.0)
        chances[np.arange(len(greedy)), greedy] = np.where(many > 0, 1 - self.exploration_share, 1.0)
        return chances

    def rows(self, index: np.ndarray) -> Offer:
        """The offer to some of the rows, in the order of ``index``."""
        reach = None if self.reach is None else self.reach[index]
        cut = {"values": self.values[index], "allowed": self.allowed[index], "fixed": self.fixed[index]}
        return replace(self, **cut, reach=reach)
