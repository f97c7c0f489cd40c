"""Capture: how much a loop has earned of what it would have earned had every outcome been told to it free of charge.

    capture = (loop - rules) / (reference - rules)

over all decisions from the first on. The *reference* decides from the second period on by the loop's own kind of model,
trained on the full outcomes, revealed or not, of every earlier period, with the contract's economics: a loop that need
not explore, hold anybody out or wait. Only where each decision's outcome is known under every action can this be told.

What the loop has left is split by who decided, so that it adds up: reference - loop is what waiting (the rules still
decided), the holdout, exploring (what was drawn against what was preferred) and the model's choices have cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from decisionloop.act.economics import action_values, realised_values
from decisionloop.act.preference import preferred_action
from decisionloop.contract import UseCase
from decisionloop.learn.fitted import FittedPipeline
from decisionloop.learn.pipelines import BOOSTING_BINS, Target, gradient_boosting_pipeline
from decisionloop.learn.training_inputs import training_inputs
from decisionloop.predict.release_model import CLASS_COLUMN, predict_parts

FROZEN = {
    "max_iter": 100,
    "learning_rate": 0.08,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 50,
    "l2_regularization": 0.0,
}
"""The reference's trees, which have more data than a loop ever sees, and stay as they are when the loop's change: a
weaker model must not make a capture look better."""


@dataclass(frozen=True, eq=False)
class KnownPeriod:
    """Everybody decided in a period (n rows), and what would have become of them under any revealing action.

    ``frame`` frozen features; ``outcome_class``, ``amount`` (n,), None where the contract has none. ``rules``,
    ``preferred`` and ``taken`` (n,) are action indices: the rules', that of who decided before anything was drawn, and
    what was done. ``is_model``, ``is_held_out`` (n,): a model decided; the holdout, which the rules decide always.
    """

    period: str
    frame: pd.DataFrame
    outcome_class: np.ndarray | None
    amount: np.ndarray | None
    rules: np.ndarray
    preferred: np.ndarray
    taken: np.ndarray
    is_model: np.ndarray
    is_held_out: np.ndarray


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
        return realised_values(use_case, known.frame, action, known.outcome_class, known.amount)

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


def reference_actions(use_case: UseCase, periods: Sequence[KnownPeriod]) -> list[np.ndarray]:
    """What the reference does in each of the ``periods``, oldest first: the rules' action in the first of them.

    Raises UsageError where the outcomes of the earlier periods teach nothing.
    """
    return [
        one.rules if not index else _chosen_by_model(use_case, periods[:index], one.frame)
        for index, one in enumerate(periods)
    ]


def _chosen_by_model(use_case: UseCase, past: Sequence[KnownPeriod], frame: pd.DataFrame) -> np.ndarray:
    rows = pd.concat([one.frame for one in past], ignore_index=True)
    classes, amounts = _joined([one.outcome_class for one in past]), _joined([one.amount for one in past])
    by_class = None if classes is None else _fitted(use_case, rows, classes, "class")
    if amounts is not None and classes is not None:
        rows = rows.assign(**{CLASS_COLUMN: classes})
    by_amount = None if amounts is None else _fitted(use_case, rows, amounts, "amount")
    predictions = predict_parts(use_case, by_class, by_amount, frame)
    return preferred_action(use_case, frame, action_values(use_case, frame, predictions))


def _fitted(use_case: UseCase, rows: pd.DataFrame, target: np.ndarray, part: Target) -> FittedPipeline:
    """One pipeline fitted on all rows, each counting once: nobody was selected."""
    inputs = training_inputs(use_case, rows, BOOSTING_BINS)
    pipeline = gradient_boosting_pipeline(inputs.columns, 0, part)
    pipeline.steps[-1][1].set_params(**FROZEN)
    pipeline.fit(rows[inputs.names], target)
    return FittedPipeline(pipeline, rows[inputs.names], np.ones(len(rows)), inputs.left_out)


def _joined(parts: list[np.ndarray | None]) -> np.ndarray | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None
