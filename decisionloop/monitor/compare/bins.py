"""Bins of one column that are fixed once, counted fast, and told in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from sys import float_info

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SORTED_AT_ONCE = 65_536
"""Rows sorted together: they stay in the processor's cache."""


def quantile_edges(values: npt.ArrayLike, bins: int, is_whole: bool = False) -> Floats:
    """Ascending edges of ``bins`` quantile bins of ``values`` (n > 0, all finite); bin k is edge[k-1] <= x < edge[k].

    A value that fills half a bin or more gets a bin of its own. ``is_whole``: the values are whole numbers, so that
    its bin reaches to the next one. Both ends are open; there may be fewer bins, or more where values repeat.
    """
    x = np.asarray(values, dtype=float)
    levels, counts = np.unique(x, return_counts=True)
    repeated = levels[(counts > 1) & (counts / x.size >= 0.5 / bins)]
    after = repeated + 1 if is_whole else np.nextafter(repeated, np.inf)
    quantiles = np.quantile(x, np.arange(1, bins) / bins, method="inverted_cdf")
    return np.unique(np.concatenate([quantiles, repeated, after]))


def number_counts(values: npt.ArrayLike, edges: npt.ArrayLike) -> Counts:
    """Rows of ``values`` (n,) in each bin between ``edges`` (k,), and last those that are NaN: shape (k + 2,).

    As in numpy.histogram, blocks are sorted and the edges are looked up in them, which costs a fraction of looking
    up every value among the edges.
    """
    x = np.asarray(values, dtype=np.float64)
    borders = np.append(np.asarray(edges, dtype=np.float64), np.nan)  # NaN sorts last: its border counts the known
    below = np.zeros(len(borders), dtype=np.int64)
    for start in range(0, len(x), SORTED_AT_ONCE):
        below += np.sort(x[start : start + SORTED_AT_ONCE]).searchsorted(borders, side="left")
    return np.diff(np.concatenate([[0], below, [len(x)]])).astype(np.int64)


def category_counts(values: pd.Series, categories: Sequence[str]) -> Counts:
    """Rows of ``values`` (n,) in each category, then those outside of them, then those missing: shape (k + 2,)."""
    counted = values.value_counts(sort=False, dropna=False)
    cells = {category: index for index, category in enumerate(categories)}
    counts = np.zeros(len(cells) + 2, dtype=np.int64)
    for name, count, is_missing in zip(counted.index, counted.to_numpy(), counted.index.isna(), strict=True):
        counts[-1 if is_missing else cells.get(str(name), -2)] += int(count)
    return counts


def range_labels(edges: Sequence[float], is_whole: bool) -> tuple[str, ...]:
    """The bins between ``edges`` in words: ``below 2``, ``2``, ``3 to 7``, ``8 or more``."""
    if not edges:
        return ("any",)
    inner = (_between(low, high, is_whole) for low, high in pairwise(edges))
    return (f"below {_number(edges[0])}", *inner, _last(edges, is_whole))


def _between(low: float, high: float, is_whole: bool) -> str:
    if is_whole:
        return _number(low) if high <= low + 1 else f"{_number(low)} to {_number(high - 1)}"
    if high <= np.nextafter(low, np.inf):
        return _number(low)
    return f"{_number(low)} to {_number(high)}"


def _last(edges: Sequence[float], is_whole: bool) -> str:
    """The open bin at the end: it begins just after a value that has a bin of its own, or with the last edge."""
    is_after = not is_whole and len(edges) > 1 and edges[-1] <= np.nextafter(edges[-2], np.inf)
    return f"above {_number(edges[-1])}" if is_after else f"{_number(edges[-1])} or more"


def _number(value: float) -> str:
    """Three significant digits, thousands apart; 0 also for the number just after it."""
    if abs(value) < float_info.min:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
