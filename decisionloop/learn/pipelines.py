"""Untrained scikit-learn pipelines of the candidates: a scorecard and gradient boosting, for a class or an amount.

Training, weights and data live elsewhere. Sample weights go to ``fit`` as ``model__sample_weight``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from decisionloop.errors import UsageError
from decisionloop.learn.boosting_bins import sort_once

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Target = Literal["class", "amount", "size"]
"""What a pipeline learns: a class, an amount, or the size of those amounts that are not zero."""

MAX_CATEGORIES = 255
"""One byte per feature downstream: 255 categories and one code for missing."""

BOOSTING_BINS = 127
"""Bins of gradient boosting, and hence the categories that it tells apart (`training_inputs` merges the rare): weighted
bin edges take as long as the trees at 255, and predict no better."""


SIZE_PENALTY = 20.0
"""How hard a scorecard of sizes draws its bins together, in rows; of an amount of everybody it is 1. Few rows have a
size, and a few of these are huge: with 1 its bins followed them. On worlds of 70 to 1,600 amounts that are not zero,
from gamma to lognormal of sigma 2, 20 was the least that was better than one regression in each of them."""

REST = "\x00rest"
"""What a pipeline calls all categories that have no code of their own; no text of a contract begins so."""


@dataclass(frozen=True)
class InputColumn:
    """One input of a model: a number (float64, NaN for missing), or a category (text) with its known values.

    ``has_rest``: every other text is one more category; without it, it counts as missing.
    """

    name: str
    is_categorical: bool = False
    categories: tuple[str, ...] = ()
    has_rest: bool = False

    @property
    def encoded(self) -> list[str]:
        """The categories as the encoder sees them."""
        return [*self.categories, *([REST] if self.has_rest else [])]


def scorecard_pipeline(columns: Sequence[InputColumn], seed: int, target: Target = "class") -> Pipeline:
    """A linear model on bins: one number of points for each bin of each feature.

    ``target`` "class" gives a LogisticRegression, "amount" and "size" a Ridge. Unseen and missing categories get no
    points; missing numbers have a bin of their own. Raises UsageError for columns that cannot be used.
    """
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import OneHotEncoder

    from decisionloop.learn.binning import QuantileBinner

    categories = _categories(columns)
    encoder = OneHotEncoder(categories=categories, handle_unknown="ignore")
    if target == "class":
        model = LogisticRegression(C=1.0, max_iter=1000, random_state=seed)
    else:
        # The conjugate gradient is the exact solver that takes sparse bins and an intercept.
        penalty = SIZE_PENALTY if target == "size" else 1.0
        model = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-10, random_state=seed)
    return _pipeline(columns, QuantileBinner(), encoder, model)


def gradient_boosting_pipeline(columns: Sequence[InputColumn], seed: int, target: Target) -> Pipeline:
    """Histogram gradient boosting, sized for 5,000 to 50,000 weighted rows; categories split as categories.

    ``target`` "class" gives a classifier, "amount" and "size" a least-squares regressor. Early stopping is off, so that
    the same rows always give the same trees. Raises UsageError for columns that cannot be used.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.preprocessing import OrdinalEncoder

    sort_once()
    categories = _categories(columns)
    encoder = OrdinalEncoder(
        categories=categories,
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    numbers = len(columns) - len(categories)
    estimator = HistGradientBoostingClassifier if target == "class" else HistGradientBoostingRegressor
    model = estimator(
        max_iter=80,
        learning_rate=0.08,
        max_leaf_nodes=8,
        min_samples_leaf=60,
        l2_regularization=10.0,
        max_bins=BOOSTING_BINS,
        early_stopping=False,
        categorical_features=list(range(numbers, len(columns))) or None,
        random_state=seed,
    )
    return _pipeline(columns, "passthrough", encoder, model)


def _categories(columns: Sequence[InputColumn]) -> list[list[str]]:
    """The category lists of the category columns, in order. Raises UsageError for what no pipeline can use."""
    names = [column.name for column in columns]
    if not names or len(set(names)) != len(names):
        raise UsageError(f"a model needs input columns, each of them once, but has: {names}. Check its features.")
    for column in columns:
        count, different = len(column.encoded), len(set(column.encoded))
        if column.is_categorical and not (0 < count <= MAX_CATEGORIES and different == count):
            raise UsageError(
                f"category column {column.name!r} has {count} categories, {different} of them different. "
                f"List 1 to {MAX_CATEGORIES} different ones; merge the rare."
            )
    return [column.encoded for column in columns if column.is_categorical]


def _pipeline(columns: Sequence[InputColumn], numbers: Any, categories: Any, model: Any) -> Pipeline:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    texts = [column for column in columns if column.is_categorical]
    if any(column.has_rest for column in texts):
        from decisionloop.learn.rare_categories import RareCategories

        merger = RareCategories([list(column.categories) if column.has_rest else None for column in texts], REST)
        categories = Pipeline([("merge", merger), ("encode", categories)])
    named = [
        ("numbers", numbers, [column.name for column in columns if not column.is_categorical]),
        ("categories", categories, [column.name for column in texts]),
    ]
    used = [step for step in named if step[2]]
    encode = ColumnTransformer(used, remainder="drop", sparse_threshold=1.0)
    return Pipeline([("columns", encode), ("model", model)])
