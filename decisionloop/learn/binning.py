"""The scorecard's numbers in bins: a transformer that one-hot encodes numbers by their quantiles."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

from decisionloop.predict.scorer.codes import numeric_codes

FEW_WHOLE = 32
"""Whole numbers that are so few are statuses or counts, each of which may mean something else than its neighbour."""
ROWS_A_VALUE = 20
"""With fewer rows for each of them on average a bin of its own would hold mostly noise."""


class QuantileBinner(TransformerMixin, BaseEstimator):
    """One-hot encodes each number column by at most ``max_bins`` bins of about equal counts, and one for missing.

    A column with few distinct values gets a bin for each, divided halfway between them; of whole numbers `FEW_WHOLE`
    are few, where there are `ROWS_A_VALUE` rows for each. Infinite values fall into the outer bins. After ``fit``,
    ``edges_`` holds the ascending inner edges of each column; bin i holds
    edges[i-1] < value <= edges[i].
    """

    def __init__(self, max_bins: int = 12) -> None:
        self.max_bins = max_bins

    def fit(self, X: pd.DataFrame, y: object = None) -> QuantileBinner:
        """Learn the edges of each column of ``X`` (n, F)."""
        values = _numbers(X)
        self.n_features_in_ = values.shape[1]
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.edges_ = [quantile_edges(column, self.max_bins) for column in values.T]
        return self

    def transform(self, X: pd.DataFrame) -> sparse.csr_array:
        """The bins of ``X`` (n, F) as a sparse matrix of ones (n, sum of the columns' bins)."""
        values = _numbers(X)
        codes = np.column_stack([numeric_codes(c, edges) for c, edges in zip(values.T, self.edges_, strict=True)])
        start = np.cumsum([0, *(len(edges) + 2 for edges in self.edges_)])
        rows = np.arange(len(values) + 1) * len(self.edges_)
        ones = np.ones(codes.size)
        return sparse.csr_array((ones, (codes + start[:-1]).ravel(), rows), shape=(len(values), int(start[-1])))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """A name for each bin, such as ``age <= 30``, ``age > 61`` or ``age is missing``."""
        names = self.feature_names_in_ if input_features is None else input_features
        bins = [_bin_names(column, edges) for column, edges in zip(names, self.edges_, strict=True)]
        return np.array(list(chain.from_iterable(bins)), dtype=object)


def quantile_edges(values: NDArray[np.float64], max_bins: int) -> NDArray[np.float64]:
    """Ascending inner edges of bins of about equal counts; ``values`` (n,) may have NaN.

    At most ``max_bins`` bins, but for few whole numbers, which are not merged where there are rows enough for each.
    """
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    is_few = len(distinct) <= min(FEW_WHOLE, len(finite) / ROWS_A_VALUE)
    is_whole = is_few and bool((distinct == np.floor(distinct)).all())
    if len(distinct) <= max_bins or is_whole:
        return np.unique(distinct[:-1] / 2 + distinct[1:] / 2)
    shares = np.arange(1, max_bins) / max_bins
    edges = np.unique(np.quantile(finite, shares, method="inverted_cdf"))
    return edges[edges < distinct[-1]]


def _numbers(X: pd.DataFrame) -> NDArray[np.float64]:
    return X.to_numpy(dtype=np.float64, na_value=np.nan)


def _bin_names(column: str, edges: NDArray[np.float64]) -> list[str]:
    bounds = [f"{edge:.6g}" for edge in edges]
    inner = [f"{low} < {column} <= {high}" for low, high in pairwise(bounds)]
    first = [f"{column} <= {bounds[0]}", *inner, f"{column} > {bounds[-1]}"] if bounds else [f"{column} is known"]
    return [*first, f"{column} is missing"]
