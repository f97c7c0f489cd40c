"""Fit the models of a training set: one pipeline for the class, and for the amount one or two (`amount_form`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import NothingToLearn
from decisionloop.learn.amount_form import AmountForm
from decisionloop.learn.fitted import Fitted, FittedPipeline, FittedTwoPart
from decisionloop.learn.pipelines import (
    BOOSTING_BINS,
    MAX_CATEGORIES,
    Target,
    gradient_boosting_pipeline,
    scorecard_pipeline,
)
from decisionloop.learn.training_inputs import TrainingInputs, training_inputs
from decisionloop.learn.training_set import TrainingSet
from decisionloop.predict.release_model import ACTION_COLUMN, CLASS_COLUMN

Kind = Literal["scorecard", "gradient_boosting"]

MOST_CATEGORIES: dict[Kind, int] = {"scorecard": MAX_CATEGORIES, "gradient_boosting": BOOSTING_BINS}
"""How many categories of a feature a model of each kind tells apart; beyond that the rare ones are one."""


def fit(use_case: UseCase, kind: Kind, rows: TrainingSet, form: AmountForm | None) -> dict[str, Fitted]:
    """A model of each part of the outcome; ``form`` says how the amount is learnt, where there is one."""
    fitted: dict[str, Fitted] = {}
    if rows.outcome_class is not None:
        lesson = _Lesson.of(rows.frame, rows.outcome_class, rows.weight)
        fitted["class"] = _fit_pipeline(use_case, kind, "class", lesson)
    if rows.amount is not None and form is not None:
        fitted["amount"] = fit_amount(use_case, kind, rows, form)
    return fitted


def fit_amount(use_case: UseCase, kind: Kind, rows: TrainingSet, form: AmountForm) -> Fitted:
    """One regression of the amount, or its two parts; the class is an input where it may say something of it."""
    assert rows.amount is not None
    frame = rows.frame
    if rows.outcome_class is not None and form.zero_class is None:
        frame = frame.assign(**{CLASS_COLUMN: rows.outcome_class})
    if not form.is_two_part:
        return _fit_pipeline(use_case, kind, "amount", _Lesson.of(frame, rows.amount, rows.weight))
    is_open, teaches = form.in_question(rows), form.of_size(rows)
    lesson = _Lesson(frame, rows.amount, rows.weight, is_open, teaches)
    occurs = None
    if form.has_occurrence:
        has_one = (rows.amount != 0).astype(np.float64)
        occurs = _fit_pipeline(use_case, kind, "class", _Lesson(frame, has_one, rows.weight, is_open, is_open))
    return FittedTwoPart(_fit_pipeline(use_case, kind, "size", lesson), occurs, form.zero_class)


@dataclass(frozen=True)
class _Lesson:
    """What one pipeline learns: ``target`` (n,) from the rows of ``frame`` (n rows) that ``teach`` (n,), by weight.

    ``compares`` (n,): the rows that its reasons compare with, which are those that it will be asked about.
    """

    frame: pd.DataFrame
    target: np.ndarray
    weight: np.ndarray
    compares: np.ndarray
    teaches: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, target: np.ndarray, weight: np.ndarray) -> _Lesson:
        """Of all rows."""
        return cls(frame, target, weight, np.ones(len(frame), dtype=bool), np.ones(len(frame), dtype=bool))


def _fit_pipeline(use_case: UseCase, kind: Kind, part: Target, lesson: _Lesson) -> FittedPipeline:
    taught, target = lesson.frame.loc[lesson.teaches], lesson.target[lesson.teaches]
    inputs = training_inputs(use_case, taught, MOST_CATEGORIES[kind])
    _require_teachable(use_case, inputs, target, part)
    build = scorecard_pipeline if kind == "scorecard" else gradient_boosting_pipeline
    pipeline = build(inputs.columns, use_case.model.seed, part)
    known = [name for name in taught.columns if name in inputs.names]
    pipeline.fit(taught[known], target, model__sample_weight=lesson.weight[lesson.teaches])
    reference = lesson.frame.loc[lesson.compares, known].reset_index(drop=True)
    return FittedPipeline(pipeline, reference, lesson.weight[lesson.compares], inputs.left_out)


def _require_teachable(use_case: UseCase, inputs: TrainingInputs, target: np.ndarray, part: str) -> None:
    """Raises NothingToLearn where no feature varies, or every outcome is of one class."""
    if not set(inputs.names) - {ACTION_COLUMN, CLASS_COLUMN}:
        told = "; ".join(f"{name} is {why}" for name, why in inputs.left_out.items())
        raise NothingToLearn(f"no feature of {use_case.name} varies in the training set: {told}. Wait for other data.")
    if part == "class" and len(np.unique(target)) < 2:
        raise NothingToLearn(
            f"every outcome that would teach {use_case.name} is {target[0]:g}. Wait until there are some of both "
            "classes, in thirds of the entities too."
        )
