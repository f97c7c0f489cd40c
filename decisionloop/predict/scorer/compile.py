"""From a trained scikit-learn pipeline to a compiled scorer. The only scorer module that needs scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisionloop.errors import CompileError
from decisionloop.predict.scorer.binary import Link, Reference
from decisionloop.predict.scorer.codes import MAX_CODES, Bins, NumericBins, encode_frame
from decisionloop.predict.scorer.compile_boosting import boosting_bins, source_trees
from decisionloop.predict.scorer.compile_scorecard import compile_scorecard, scorecard_bins
from decisionloop.predict.scorer.compile_trees import compile_trees
from decisionloop.predict.scorer.encoding import EncodedFeature, encoded_features
from decisionloop.predict.scorer.scorer import CompiledScorer

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

TOLERANCE = 1e-12
"""Largest allowed difference from scikit-learn: absolute for probabilities, relative for amounts."""


def compile_pipeline(
    pipeline: Pipeline,
    reference: pd.DataFrame,
    sample_weight: NDArray[np.float64] | None = None,
    *,
    contract_version: str = "",
    reference_name: str = "training rows",
) -> CompiledScorer:
    """Compile a trained pipeline of two steps, a ColumnTransformer and an estimator.

    ``reference`` (n rows, the features' columns) and ``sample_weight`` (n,) are what the expectations behind base
    margin and contributions are taken over; commonly the training rows and weights. The scorer's file says what
    ``reference_name`` calls them, and under which ``contract_version`` the model was trained.
    Raises CompileError, naming why, for whatever could not be scored exactly, and when the compiled scorer and the
    pipeline disagree on reference rows or on rows built from bin edges, infinities, missing and unseen values.
    """
    weight = _weights(reference, sample_weight)
    transformer, model = _steps(pipeline)
    features = encoded_features(transformer)
    scorer = replace(
        _compile(model, features, reference, weight),
        contract_version=contract_version,
        reference=Reference(name=reference_name, rows=len(reference)),
    )
    _require_agreement(pipeline, scorer, reference)
    return scorer


def _weights(reference: pd.DataFrame, sample_weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
    weight = np.ones(len(reference)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    is_usable = weight.shape == (len(reference),) and np.isfinite(weight).all() and (weight >= 0).all()
    if not is_usable or weight.sum() <= 0:
        raise CompileError(
            f"the reference has {len(reference)} rows; its weights have shape {weight.shape}, sum {weight.sum()}. "
            "Give at least one row, and one finite weight >= 0 for each, not all zero."
        )
    return weight


def _steps(pipeline: Pipeline) -> tuple[Any, Any]:
    from sklearn.compose import ColumnTransformer

    steps = [step for _, step in pipeline.steps]
    if len(steps) != 2 or not isinstance(steps[0], ColumnTransformer):
        names = ", ".join(type(step).__name__ for step in steps)
        raise CompileError(f"the pipeline's steps are {names}. Make it a ColumnTransformer and an estimator.")
    if not hasattr(steps[0], "transformers_"):
        raise CompileError("the pipeline is not trained. Call its fit first.")
    return steps[0], steps[1]


def _compile(
    model: Any, features: Sequence[EncodedFeature], reference: pd.DataFrame, weight: NDArray[np.float64]
) -> CompiledScorer:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

    if isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        link = _boosting_link(model)
        bins = _byte_sized(boosting_bins(model, features))
        codes, trees = encode_frame(bins, reference), source_trees(model, features)
        baseline = float(np.ravel(model._baseline_prediction)[0])
        return CompiledScorer(bins, link, compile_trees(baseline, trees, bins, codes, weight))
    if isinstance(model, LogisticRegression | LinearRegression | Ridge):
        bins = _byte_sized(scorecard_bins(features))
        coefficient, intercept = _linear_terms(model)
        tables = compile_scorecard(intercept, coefficient, features, encode_frame(bins, reference), weight)
        return CompiledScorer(bins, "logit" if isinstance(model, LogisticRegression) else "identity", tables)
    raise CompileError(
        f"the estimator {type(model).__name__} cannot be compiled. "
        "Use HistGradientBoosting, LogisticRegression or Ridge."
    )


def _require_two_classes(model: Any) -> None:
    classes = getattr(model, "classes_", None)
    if classes is not None and len(classes) != 2:
        raise CompileError(
            f"the model knows the classes {list(classes)}, and a compiled scorer predicts one of two. "
            "Train on an outcome with exactly two classes."
        )


def _boosting_link(model: Any) -> Link:
    _require_two_classes(model)
    name = type(model._loss.link).__name__
    links: dict[str, Link] = {"LogitLink": "logit", "IdentityLink": "identity"}
    if name not in links:
        raise CompileError(
            f"the loss {model.loss!r} predicts through {name}, and a compiled scorer knows logit and identity. "
            "Train with loss='squared_error' (amounts) or loss='log_loss' (classes)."
        )
    return links[name]


def _linear_terms(model: Any) -> tuple[NDArray[np.float64], float]:
    """Coefficients (columns,) and intercept."""
    _require_two_classes(model)
    coefficient, intercept = np.atleast_2d(model.coef_), np.ravel(model.intercept_)
    if len(coefficient) != 1:
        raise CompileError(f"the model predicts {len(coefficient)} amounts at once. Train one model for each.")
    return coefficient[0].astype(np.float64), float(intercept[0])


def _byte_sized(bins: tuple[Bins, ...]) -> tuple[Bins, ...]:
    large = [f"{item.name} ({item.size})" for item in bins if item.size > MAX_CODES]
    if large:
        raise CompileError(
            f"a code is one byte, but these features have more than {MAX_CODES} codes, missing included: "
            f"{', '.join(large)}. Use fewer bins or merge rare categories."
        )
    return bins


def _require_agreement(pipeline: Pipeline, scorer: CompiledScorer, reference: pd.DataFrame) -> None:
    """Compare both on reference rows and on hard rows; the compiled scorer must never be merely close."""
    sample = reference[list(scorer.features)].iloc[:: max(1, len(reference) // 500)]
    for frame in (sample, _hard_rows(scorer.bins)):
        expected = pipeline.predict_proba(frame)[:, 1] if scorer.link == "logit" else pipeline.predict(frame)
        difference = np.abs(scorer.score(frame) - expected) / _scale(scorer, expected)
        if not (difference <= TOLERANCE).all():
            row = frame.iloc[int(np.argmax(~(difference <= TOLERANCE)))]
            raise CompileError(
                f"the compiled scorer differs from the pipeline by {np.max(difference):.3g} on {row.to_dict()}. "
                "This scikit-learn computes what this compiler does not know: use the locked versions."
            )


def _scale(scorer: CompiledScorer, expected: NDArray[np.float64]) -> float:
    """The size that rounding errors are measured by: amounts may be sums of large terms."""
    if scorer.link == "logit":
        return 1.0
    return max(1.0, abs(scorer.base_margin), float(np.abs(expected).max()))


def _hard_rows(bins: Sequence[Bins]) -> pd.DataFrame:
    """Rows with every bin edge, both neighbours of it, infinities, missing, each category and an unseen one."""
    values = [_hard_values(item) for item in bins]
    rows = np.arange(max(map(len, values)))
    # Each feature starts elsewhere in its list, so that its values meet different neighbours.
    columns = [column.iloc[(rows + 7 * i) % len(column)].reset_index(drop=True) for i, column in enumerate(values)]
    return pd.concat(columns, axis=1, keys=[item.name for item in bins])


def _hard_values(bins: Bins) -> pd.Series:
    if isinstance(bins, NumericBins):
        around = [np.nextafter(bins.edges, -np.inf), bins.edges, np.nextafter(bins.edges, np.inf)]
        return pd.Series(np.concatenate([*around, [-np.inf, np.inf, np.nan, 0.0]]))
    return pd.Series([*bins.categories, "\x00 unseen", None], dtype="str")
