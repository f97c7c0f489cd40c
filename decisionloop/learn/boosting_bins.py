"""Weighted bin edges of gradient boosting from one sort of a feature.

scikit-learn 1.9 asks for each of up to 254 weighted quantiles in a call of its own, and each call sorts the feature and
sums its weights again: that takes several times as long as the trees. The function that it calls answers all of them
in one call; asked for the first one, this one asks for them all.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


def sort_once() -> None:
    """From now on scikit-learn's bin edges of this process come from one sort a feature; the same edges."""
    from sklearn.ensemble._hist_gradient_boosting import binning

    if not isinstance(binning._weighted_percentile, _AllAtOnce):
        binning._weighted_percentile = _AllAtOnce(binning._weighted_percentile)


class _AllAtOnce(threading.local):
    """scikit-learn's function for one quantile of a feature, in ascending order one call after the other.

    Features are binned in threads, each of which keeps the edges of its own.
    """

    def __init__(self, one_by_one: Any) -> None:
        self._one_by_one = one_by_one
        self._column: Floats | None = None
        self._weight: Floats | None = None
        self._edges: dict[float, np.float64] = {}

    def __call__(self, column: Floats, weight: Floats, rank: float, average: bool = False) -> np.float64:
        """The weighted quantile of ``column`` (n,) at ``rank`` percent."""
        if column is not self._column or weight is not self._weight or rank not in self._edges:
            ranks = _ranks_from(rank)
            edges = self._one_by_one(column, weight, ranks, average=average)
            self._column, self._weight = column, weight
            self._edges = dict(zip(ranks.tolist(), edges, strict=True))
        return self._edges[rank]


def _ranks_from(first: float) -> Floats:
    """The ranks that follow where ``first`` is that of the first of so many bins; itself alone where it is not."""
    ranks = np.linspace(0, 100, num=round(100 / first) + 1)[1:-1]
    return ranks if ranks.size and ranks[0] == first else np.array([first])
