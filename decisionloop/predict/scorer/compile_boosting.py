"""Trained HistGradientBoosting becomes its own bin edges, the categories it has seen, and source trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisionloop.errors import CompileError
from decisionloop.predict.scorer.codes import Bins, CategoryBins, NumericBins
from decisionloop.predict.scorer.compile_trees import SourceTree
from decisionloop.predict.scorer.encoding import EncodedFeature


def boosting_bins(model: Any, features: Sequence[EncodedFeature]) -> tuple[Bins, ...]:
    """One set of bins per feature, in the order of ``features``, from a trained HistGradientBoosting model."""
    column = {int(source): inner for inner, source in enumerate(_source_columns(model))}
    is_category = _is_category(model)
    return tuple(_bins(model, feature, column[feature.start], is_category) for feature in features)


def source_trees(model: Any, features: Sequence[EncodedFeature]) -> list[SourceTree]:
    """The model's trees, whose columns are mapped to positions in ``features``."""
    position = {feature.start: i for i, feature in enumerate(features)}
    to_feature = np.array([position[int(source)] for source in _source_columns(model)], dtype=np.intp)
    return [SourceTree(tree.nodes, tree.raw_left_cat_bitsets, to_feature) for (tree,) in model._predictors]


def _is_category(model: Any) -> NDArray[np.bool_]:
    """Which columns of the model's input (F,) it treats as categories."""
    if model.is_categorical_ is None:
        return np.zeros(model.n_features_in_, dtype=bool)
    return np.asarray(model.is_categorical_, dtype=bool)


def _source_columns(model: Any) -> NDArray[np.intp]:
    """For each column inside the model, the column of its input: it moves categories to the front."""
    is_category = _is_category(model)
    return np.concatenate([np.flatnonzero(is_category), np.flatnonzero(~is_category)])


def _bins(model: Any, feature: EncodedFeature, inner: int, is_category: NDArray[np.bool_]) -> Bins:
    if feature.encoding == "one_hot" or (feature.encoding == "category_code") != is_category[feature.start]:
        kind = "category" if is_category[feature.start] else "number"
        raise CompileError(
            f"feature {feature.name!r} reaches the trees as {feature.encoding}, "
            f"but they take it for a {kind}. Pass numbers through; give categories an OrdinalEncoder and list "
            "them in categorical_features."
        )
    if not isinstance(feature.bins, CategoryBins):
        edges = np.asarray(model._bin_mapper.bin_thresholds_[inner], dtype=np.float64)
        # An edge halfway between -inf and +inf is NaN and separates nothing.
        return NumericBins(feature.name, edges[~np.isnan(edges)])
    encoder = model._preprocessor.named_transformers_["encoder"]
    seen = encoder.categories_[inner]
    codes = [int(code) for code in seen[~np.isnan(seen)]]
    rest = len(feature.bins.categories)  # the code of all others, where they share one
    known = tuple(feature.bins.categories[code] for code in codes if code != rest)
    return CategoryBins(feature.name, known, has_rest=rest in codes)
