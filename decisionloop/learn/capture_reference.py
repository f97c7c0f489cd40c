"""The reference of a capture: what a loop decides that is told every outcome free of charge.

It learns by the loop's own kind of model, with trees that stay as they are, and decides each batch for most money
within the contract's limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from decisionloop.act.constraints import limits_of
from decisionloop.act.economics import action_values
from decisionloop.act.preference import allowed_actions, preferred_action
from decisionloop.act.prices import BatchPart, plan
from decisionloop.act.propensities import NO_EXPLORING, Offer
from decisionloop.contract import UseCase
from decisionloop.learn.capture import KnownPeriod
from decisionloop.learn.fitted import FittedPipeline
from decisionloop.learn.pipelines import BOOSTING_BINS, Target, gradient_boosting_pipeline
from decisionloop.learn.training_inputs import training_inputs, why_left_out
from decisionloop.predict.release_model import ACTION_COLUMN, CLASS_COLUMN, predict_parts

FROZEN = {
    "max_iter": 100,
    "learning_rate": 0.08,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 50,
    "l2_regularization": 0.0,
}
"""The reference's trees, which have more data than a loop ever sees, and stay as they are when the loop's change: a
weaker model must not make a capture look better."""


def reference_actions(use_case: UseCase, periods: Sequence[KnownPeriod]) -> list[np.ndarray]:
    """What the reference does in each of the ``periods``, oldest first: as the rules do while nothing earlier teaches.

    Raises InfeasibleConstraints where no choice keeps the contract's limits.
    """
    return [
        one.rules if not index else _chosen_by_model(use_case, periods[:index], one)
        for index, one in enumerate(periods)
    ]


def _chosen_by_model(use_case: UseCase, past: Sequence[KnownPeriod], now: KnownPeriod) -> np.ndarray:
    lessons = [_lessons(use_case, one) for one in past]
    rows = pd.concat([frame for frame, _, _ in lessons], ignore_index=True)
    classes, amounts = _joined([one for _, one, _ in lessons]), _joined([one for _, _, one in lessons])
    if not _is_anything_taught(use_case, rows, classes):
        return now.rules
    by_class = None if classes is None else _fitted(use_case, rows, classes, "class")
    if amounts is not None and classes is not None:
        rows = rows.assign(**{CLASS_COLUMN: classes})
    by_amount = None if amounts is None else _fitted(use_case, rows, amounts, "amount")
    values = action_values(use_case, now.frame, predict_parts(use_case, by_class, by_amount, now.frame))
    if not use_case.policy.constraints:
        return preferred_action(use_case, now.frame, values)
    return within_limits(use_case, now, values)


def _is_anything_taught(use_case: UseCase, rows: pd.DataFrame, classes: np.ndarray | None) -> bool:
    """Whether a feature varies in the rows, and their outcomes are not all of one class."""
    is_varied = any(why_left_out(rows[one.name]) is None for one in use_case.model_inputs)
    return is_varied and (classes is None or len(np.unique(classes)) > 1)


def _lessons(use_case: UseCase, known: KnownPeriod) -> tuple[pd.DataFrame, np.ndarray | None, np.ndarray | None]:
    """What a period teaches: rows, classes and amounts; each action's own where the outcome depends on it."""
    revealing = np.flatnonzero(use_case.revealing)
    frame = known.frame
    if use_case.is_action_modelled:
        names = use_case.action_names
        frame = pd.concat([frame.assign(**{ACTION_COLUMN: names[one]}) for one in revealing], ignore_index=True)
    else:
        revealing = revealing[:1]
    classes, amounts = (None if one is None else one[:, revealing].T.ravel() for one in known.outcomes)
    return frame, classes, amounts


def within_limits(use_case: UseCase, now: KnownPeriod, values: np.ndarray) -> np.ndarray:
    """The actions (n,) of most money by ``values`` (n, A) that keep the policy's limits in each batch.

    Rows that tie at the prices of a limit follow the plan's mixture, by draws that are the same each time.
    """
    chosen = np.full(len(values), use_case.default_action)
    for batch in np.unique(now.batch):
        rows = np.flatnonzero(now.batch == batch)
        frame = now.frame.iloc[rows].reset_index(drop=True)
        part = BatchPart(_offer(use_case, frame, values[rows]), limits_of(use_case, frame))
        agreed = plan(partial(iter, [part]))
        assignments = np.stack([one.of(part) for one in agreed.assignments])
        drawn = np.random.default_rng(0).choice(len(agreed.weight), len(rows), p=agreed.weight)
        chosen[rows] = assignments[drawn, np.arange(len(rows))]
    return chosen


def _offer(use_case: UseCase, frame: pd.DataFrame, values: np.ndarray) -> Offer:
    """Every row is free, and may take any action that is allowed and that the model can value."""
    is_open = allowed_actions(use_case, frame) & ~np.isnan(values)
    is_open[:, use_case.default_action] = True
    free = np.full(len(frame), -1)
    return Offer(
        np.nan_to_num(values), is_open, free, NO_EXPLORING, use_case.default_action, np.array(use_case.revealing)
    )


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
