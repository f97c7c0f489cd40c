"""Capture: how much a loop has earned of what it would have earned had every outcome been told to it free of charge.

    capture = (loop - rules) / (reference - rules)

over all decisions from the first on. The *reference* (`decisionloop.learn.capture_reference`) decides from the second
period on by the loop's own kind of model, trained on the full outcomes, revealed or not, of every earlier period, with
the contract's economics: a loop that need not explore, hold anybody out or wait. Only where each decision's outcome is
known under every action can this be told.

What the loop has left is split by who decided, so that it adds up: reference - loop is what waiting (the rules still
decided), the holdout, exploring (what was drawn against what was preferred) and the model's choices have cost.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from decisionloop.act.economics import realised_values
from decisionloop.contract import UseCase


@dataclass(frozen=True, eq=False)
class KnownPeriod:
    """Everybody decided in a period (n rows), and what would have become of them under each of the A actions.

    ``frame`` frozen features; ``batch`` (n,): a number for each batch, for limits hold in each. ``outcome_class``,
    ``amount`` (n, A) had that action been taken, None where the contract has none. ``rules``, ``preferred`` and
    ``taken`` (n,) are action indices: the rules', that of who decided before anything was drawn, and what was done.
    ``is_model``, ``is_held_out`` (n,): a model decided; the holdout, which the rules decide always.
    """

    period: str
    frame: pd.DataFrame
    batch: np.ndarray
    outcome_class: np.ndarray | None
    amount: np.ndarray | None
    rules: np.ndarray
    preferred: np.ndarray
    taken: np.ndarray
    is_model: np.ndarray
    is_held_out: np.ndarray

    @property
    def outcomes(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Class and amount (n, A)."""
        return self.outcome_class, self.amount


@dataclass(frozen=True)
class Captured:
    """Money of one period, or of several: of the loop, the rules and the reference, and where the difference lies.

    ``waiting``, ``holdout``, ``exploring`` and ``choices`` add up to ``reference`` less ``loop``; each may be below 0.
    """

    loop: float
    rules: float
    reference: float
    waiting: float
    holdout: float
    exploring: float
    choices: float

    @property
    def gain(self) -> float:
        """What the loop has earned more than the rules."""
        return self.loop - self.rules

    @property
    def attainable(self) -> float:
        """What the reference would have earned more than the rules."""
        return self.reference - self.rules

    @property
    def share(self) -> float:
        """The capture; NaN where the reference is not ahead of the rules, for then nothing was to be had."""
        return self.gain / self.attainable if self.attainable > 0 else np.nan

    def __add__(self, other: Captured) -> Captured:
        return Captured(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def captured(use_case: UseCase, known: KnownPeriod, reference: np.ndarray) -> Captured:
    """The money of a period, the ``reference`` having chosen the action indices (n,)."""

    def money(action: np.ndarray) -> np.ndarray:
        brought = (None if one is None else one[np.arange(len(action)), action] for one in known.outcomes)
        return realised_values(use_case, known.frame, action, *brought)

    loop, rules, preferred, best = map(money, (known.taken, known.rules, known.preferred, reference))
    free = ~known.is_held_out
    left = best - preferred
    return Captured(
        loop=float(loop.sum()),
        rules=float(rules.sum()),
        reference=float(best.sum()),
        waiting=float(left[free & ~known.is_model].sum()),
        holdout=float((best - loop)[known.is_held_out].sum()),
        exploring=float((preferred - loop)[free].sum()),
        choices=float(left[free & known.is_model].sum()),
    )
