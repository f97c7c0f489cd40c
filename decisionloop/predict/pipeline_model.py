"""A release that decides with its pipeline: for what the compiled scorer refuses to represent.

It answers as a compiled scorer does, only slower, and its reasons are an approximation. ``pipeline_bytes`` documents
how it is kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisionloop.errors import CompileError, IntegrityError, UsageError
from decisionloop.predict import pipeline_bytes
from decisionloop.predict.pipeline_bytes import PipelineFeature, PipelineHeader

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Link = Literal["logit", "identity"]

CERTAIN = 1e-12
"""Probabilities are kept so far from 0 and 1 before they become log-odds, which would be infinite there."""


@dataclass(frozen=True, eq=False)
class PipelineScorer:
    """A trained pipeline with the interface of a compiled scorer.

    ``header`` says why it was not compiled; ``data`` is its file, which decides what it is called.
    """

    header: PipelineHeader
    pipeline: Pipeline
    data: bytes = field(repr=False)

    @classmethod
    def of(
        cls, pipeline: Pipeline, reference: pd.DataFrame, sample_weight: NDArray[np.float64] | None, refusal: str
    ) -> PipelineScorer:
        """Wrap a trained pipeline whose reference population is ``reference`` (n rows) with ``sample_weight`` (n,).

        Raises CompileError where not even the pipeline could decide: untrained, of more than two classes, or of
        types that could not be read back.
        """
        link = _link(pipeline, refusal)
        weight = np.ones(len(reference)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        features = tuple(_feature(reference[name], weight) for name in map(str, pipeline.feature_names_in_))
        header = PipelineHeader(link=link, features=features, refusal=refusal)
        # Written now: what could not be kept must not fail only when it has to decide.
        return cls(header, pipeline, pipeline_bytes.write(header, pipeline))

    @property
    def features(self) -> tuple[str, ...]:
        """The F feature names, in the order of the columns that the pipeline was trained on."""
        return tuple(feature.name for feature in self.header.features)

    @property
    def link(self) -> Link:
        """How a margin becomes a score."""
        return self.header.link

    def margin(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Margins (n,): log-odds for link "logit", the amount itself for "identity"."""
        score = self.score(frame)
        if self.link == "identity":
            return score
        inner = np.clip(score, CERTAIN, 1 - CERTAIN)
        return np.log(inner) - np.log1p(-inner)

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Scores (n,): the probability of class 1 for link "logit", the expected amount for "identity"."""
        inputs = self._inputs(frame)
        if not len(inputs):
            return np.empty(0)
        told = self.pipeline.predict_proba(inputs)[:, 1] if self.link == "logit" else self.pipeline.predict(inputs)
        return np.asarray(told, dtype=np.float64)

    def contributions(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """How far each feature moves the margin (n, F), one at a time; an approximation.

        A feature's contribution is the row's margin less the margin of the same row with the feature's reference
        value in its place: the weighted median of a number, the most common category. That is what removing this
        one reason would change, but unlike Shapley values these do not sum to anything: what two features do only
        together is in both, and what either does alone in neither.
        It costs F + 1 predictions a row.
        """
        inputs = self._inputs(frame)
        whole = self.margin(inputs)
        out = np.empty((len(inputs), len(self.features)))
        for column, feature in enumerate(self.header.features):
            filled = pd.Series([feature.reference] * len(inputs), inputs.index, dtype=inputs[feature.name].dtype)
            out[:, column] = whole - self.margin(inputs.assign(**{feature.name: filled}))
        return out

    @cached_property
    def base_margin(self) -> float:
        """The margin of a row of reference values alone."""
        row = {
            feature.name: pd.Series([feature.reference], dtype="str" if feature.is_category else "float64")
            for feature in self.header.features
        }
        return float(self.margin(pd.DataFrame(row))[0])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def to_bytes(self) -> bytes:
        """The scorer as a file without a pickle; the same training gives the same bytes."""
        return self.data

    @classmethod
    def from_bytes(cls, data: bytes) -> PipelineScorer:
        """Read a scorer. Raises IntegrityError for damaged bytes and for types that are not ours."""
        header, pipeline = pipeline_bytes.read(data)
        scorer = cls(header, pipeline, data)
        if tuple(getattr(pipeline, "feature_names_in_", ())) != scorer.features:
            raise IntegrityError("a pipeline does not hold the features that its header names. Retrain the release.")
        return scorer

    def _inputs(self, frame: pd.DataFrame) -> pd.DataFrame:
        wrong = [feature for feature in self.features if frame.columns.isin([feature]).sum() != 1]
        if wrong:
            raise UsageError(
                "the frame to score must have exactly one column for each feature of the model; missing or doubled: "
                f"{', '.join(wrong)}. Its columns are: {', '.join(map(str, frame.columns))}. "
                "Give the frame every feature in the contract that this model was trained under."
            )
        return frame[list(self.features)]


def _link(pipeline: Any, refusal: str) -> Link:
    if not hasattr(pipeline, "feature_names_in_"):
        raise CompileError(f"{refusal} Nor can the pipeline decide: it is not trained on a frame with named columns.")
    if not hasattr(pipeline, "predict_proba"):
        return "identity"
    classes = list(pipeline.classes_)
    if len(classes) != 2:
        raise CompileError(f"{refusal} Nor can the pipeline decide: it knows the classes {classes}, not two of them.")
    return "logit"


def _feature(values: pd.Series, weight: NDArray[np.float64]) -> PipelineFeature:
    """The weighted median of finite numbers, or the category of most weight; None where nothing is known."""
    is_category = not pd.api.types.is_numeric_dtype(values.dtype)
    typical: float | str | None = None
    if is_category:
        is_known = values.notna().to_numpy()
        if is_known.any():
            total = pd.Series(weight[is_known]).groupby(values[is_known].astype(str).to_numpy()).sum()
            typical = str(total.index[int(total.to_numpy().argmax())])
    else:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        is_known = np.isfinite(numbers)
        if is_known.any():
            order = np.argsort(numbers[is_known], kind="stable")
            reached = np.cumsum(weight[is_known][order])
            typical = float(numbers[is_known][order][np.searchsorted(reached, reached[-1] / 2)])
    return PipelineFeature(name=str(values.name), is_category=is_category, reference=typical)
