"""How far others agree with what another system did: counted by action, parts and batches added up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

RULES_SIDE = "rules"
"""Name of the rules among those that are counted; everyone else is named by release."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """By who would have decided: ``counts`` (A, A) of decisions, what was done by what they would have done.

    ``actions`` (A,) are their names in contract order.
    """

    actions: tuple[str, ...]
    counts: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, actions: tuple[str, ...], done: np.ndarray, others: Mapping[str, np.ndarray]) -> Agreement:
        """Count n decisions: ``done`` and each of ``others`` are action indices (n,); who says -1 is not counted."""
        return cls(actions, {name: _crossed(done, other, len(actions)) for name, other in others.items()})

    def __add__(self, other: Agreement) -> Agreement:
        """Both together; who is in one of them only keeps its counts. The actions must be the same."""
        names = dict.fromkeys([*self.counts, *other.counts])
        nothing = np.zeros((len(self.actions), len(self.actions)), dtype=np.int64)
        return Agreement(
            self.actions,
            {name: self.counts.get(name, nothing) + other.counts.get(name, nothing) for name in names},
        )

    def decisions(self, name: str, action: str = "") -> int:
        """Decisions that were counted for one of them; with ``action``, of those in which it was done."""
        return int(self._rows(name, action).sum())

    def agreed(self, name: str, action: str = "") -> int:
        """How many of them it would have decided alike."""
        return int(np.diag(self.counts[name])[self._at(action)].sum())

    def share(self, name: str, action: str = "") -> float | None:
        """The share that it would have decided alike; None where nothing was counted."""
        n = self.decisions(name, action)
        return self.agreed(name, action) / n if n else None

    def to_json(self) -> str:
        """Compact text; :meth:`from_json` reads it."""
        counts = {name: one.tolist() for name, one in self.counts.items()}
        return json.dumps({"actions": self.actions, "counts": counts}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Agreement:
        """What :meth:`to_json` wrote."""
        kept = json.loads(text)
        return cls(tuple(kept["actions"]), {name: np.array(one) for name, one in kept["counts"].items()})

    def _rows(self, name: str, action: str) -> np.ndarray:
        return self.counts[name][self._at(action)]

    def _at(self, action: str) -> slice:
        if not action:
            return slice(None)
        place = self.actions.index(action)
        return slice(place, place + 1)


def _crossed(done: np.ndarray, other: np.ndarray, many: int) -> np.ndarray:
    is_told = (done >= 0) & (other >= 0)
    return np.bincount(done[is_told] * many + other[is_told], minlength=many * many).reshape(many, many)
