"""Train candidates of the kinds that the contract names, and compile them into what would decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from decisionloop.contract import UseCase
from decisionloop.errors import CompileError, UsageError
from decisionloop.learn.folds import leakproof_folds
from decisionloop.learn.pipelines import (
    BOOSTING_BINS,
    MAX_CATEGORIES,
    gradient_boosting_pipeline,
    scorecard_pipeline,
)
from decisionloop.learn.training_inputs import TrainingInputs, training_inputs
from decisionloop.learn.training_set import TrainingSet
from decisionloop.predict.pipeline_model import PipelineScorer
from decisionloop.predict.predictions import Predictions
from decisionloop.predict.release_model import (
    ACTION_COLUMN,
    CLASS_COLUMN,
    ReleaseModel,
    ReleaseScorer,
    predict_parts,
)
from decisionloop.predict.scorer.compile import compile_pipeline

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Kind = Literal["scorecard", "gradient_boosting"]
FOLDS = 3

MOST_CATEGORIES: dict[Kind, int] = {"scorecard": MAX_CATEGORIES, "gradient_boosting": BOOSTING_BINS}
"""How many categories of a feature a model of each kind tells apart; beyond that the rare ones are one."""

REFERENCE = "training decisions, weighted by the inverse of the probability of being revealed"
"""Whom a score's reasons compare with; the scorer's file says so."""


@dataclass(frozen=True)
class Candidate:
    """A trained candidate: its pipelines (by outcome part) and the model that would decide.

    ``left_out``: features of the contract that teach nothing in this training set, with the reason by name.
    """

    kind: Kind
    pipelines: dict[str, Pipeline]
    model: ReleaseModel
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Fitted:
    """A fitted pipeline that scores frames; what decides is its compiled form."""

    pipeline: Pipeline
    inputs: pd.DataFrame
    left_out: Mapping[str, str]

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """Probability of class 1 (n,), or the amount (n,)."""
        if hasattr(self.pipeline, "predict_proba"):
            return np.asarray(self.pipeline.predict_proba(frame)[:, 1])
        return np.asarray(self.pipeline.predict(frame))


def train(use_case: UseCase, kind: Kind, rows: TrainingSet) -> Candidate:
    """Train one pipeline for each part of the outcome (class, amount) and compile it exactly.

    A pipeline that the compiled scorer refuses decides itself; the release says so in its ``refusals``.
    The amount is learnt with the class as an input where the outcome has both, so that the money of each class
    can be weighed by its probability. Raises CompileError when a pipeline can neither be compiled nor kept.
    """
    fitted = _fit(use_case, kind, rows)
    scorers = {part: _deployable(one, rows.weight, use_case) for part, one in fitted.items()}
    pipelines = {part: one.pipeline for part, one in fitted.items()}
    left_out = {name: why for one in fitted.values() for name, why in one.left_out.items()}
    return Candidate(kind, pipelines, ReleaseModel(scorers.get("class"), scorers.get("amount")), left_out)


def _deployable(fitted: _Fitted, weight: np.ndarray, use_case: UseCase) -> ReleaseScorer:
    """The compiled scorer or, where that is refused, the pipeline itself with the reason of the refusal."""
    try:
        version = str(use_case.version)
        return compile_pipeline(
            fitted.pipeline, fitted.inputs, weight, contract_version=version, reference_name=REFERENCE
        )
    except CompileError as refusal:
        return PipelineScorer.of(fitted.pipeline, fitted.inputs, weight, str(refusal))


def out_of_fold(
    use_case: UseCase, kind: Kind, rows: TrainingSet, frame: pd.DataFrame, entity: np.ndarray
) -> Predictions:
    """Predictions of every row of ``frame`` by a model that saw neither its entity nor a row that looks the same.

    The pipelines of the folds are not compiled: the compiled scorer would say the same, and none of them decides.
    """
    names = [one.name for one in use_case.model_inputs]
    looks = pd.concat([rows.frame[names], frame[names]], ignore_index=True)
    both = leakproof_folds(np.concatenate([rows.entity, entity]), looks, FOLDS)
    taught, folds = both[: len(rows)], both[len(rows) :]
    parts: list[tuple[np.ndarray, Predictions]] = []
    for fold in range(FOLDS):
        fitted = _fit(use_case, kind, subset(rows, taught != fold))
        where = np.flatnonzero(folds == fold)
        predictions = predict_parts(use_case, fitted.get("class"), fitted.get("amount"), frame.iloc[where])
        parts.append((where, predictions))
    return _assembled(parts, len(frame))


def predicted_by(use_case: UseCase, kind: Kind, rows: TrainingSet, frame: pd.DataFrame) -> Predictions:
    """What a model of these rows says of ``frame``; it is not compiled, for it never decides."""
    fitted = _fit(use_case, kind, rows)
    return predict_parts(use_case, fitted.get("class"), fitted.get("amount"), frame)


def _fit(use_case: UseCase, kind: Kind, rows: TrainingSet) -> dict[str, _Fitted]:
    fitted = {}
    for part, target in (("class", rows.outcome_class), ("amount", rows.amount)):
        if target is None:
            continue
        frame = rows.frame
        if part == "amount" and rows.outcome_class is not None:
            frame = frame.assign(**{CLASS_COLUMN: rows.outcome_class})
        inputs = training_inputs(use_case, frame, MOST_CATEGORIES[kind])
        _require_teachable(use_case, inputs, target, part)
        pipeline = _pipeline(use_case, kind, part, inputs)
        known = frame[[name for name in frame.columns if name in inputs.names]]
        pipeline.fit(known, target, model__sample_weight=rows.weight)
        fitted[part] = _Fitted(pipeline, known, inputs.left_out)
    return fitted


def _require_teachable(use_case: UseCase, inputs: TrainingInputs, target: np.ndarray, part: str) -> None:
    """Raises UsageError where no feature varies, or every outcome is of one class."""
    if not set(inputs.names) - {ACTION_COLUMN, CLASS_COLUMN}:
        told = "; ".join(f"{name} is {why}" for name, why in inputs.left_out.items())
        raise UsageError(f"no feature of {use_case.name} varies in the training set: {told}. Wait for other data.")
    if part == "class" and len(np.unique(target)) < 2:
        raise UsageError(
            f"every outcome that would teach {use_case.name} is {target[0]:g}. Wait until there are some of both "
            "classes, in thirds of the entities too."
        )


def _assembled(parts: list[tuple[np.ndarray, Predictions]], rows: int) -> Predictions:
    def gather(name: str) -> np.ndarray | None:
        pieces = [(where, getattr(predictions, name)) for where, predictions in parts]
        if pieces[0][1] is None:
            return None
        whole = np.full((rows, *pieces[0][1].shape[1:]), np.nan)
        for where, piece in pieces:
            whole[where] = piece
        return whole

    return Predictions(gather("probability"), gather("amount"))


def subset(rows: TrainingSet, keep: np.ndarray) -> TrainingSet:
    """Some of the rows that teach: a mask (n,)."""
    return replace(
        rows,
        frame=rows.frame.loc[keep].reset_index(drop=True),
        outcome_class=None if rows.outcome_class is None else rows.outcome_class[keep],
        amount=None if rows.amount is None else rows.amount[keep],
        weight=rows.weight[keep],
        entity=rows.entity[keep],
        decision_id=rows.decision_id[keep],
        inverse=None if rows.inverse is None else rows.inverse[keep],
        as_of=None if rows.as_of is None else rows.as_of[keep],
    )


def _pipeline(use_case: UseCase, kind: Kind, part: str, inputs: TrainingInputs) -> Pipeline:
    build = scorecard_pipeline if kind == "scorecard" else gradient_boosting_pipeline
    target: Literal["class", "amount"] = "class" if part == "class" else "amount"
    return build(inputs.columns, use_case.model.seed, target)
