"""The scorer's tables as plain contiguous arrays, for compiled kernels: a batch at a time or one row.

Look-up tables are 256 wide, so that no byte can miss them. Every engine adds in the order of these arrays; that
makes their results equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decisionloop.predict.scorer.codes import Bins, NumericBins

WIDTH = 256
"""Entries of a table that is looked up by one code."""

WORD_BLOCKS = 4
"""How many 16-bit state numbers share one 64-bit word."""


class FlatBins(NamedTuple):
    """How numbers become codes, F features: code = how many of the feature's ``edges`` lie below the value.

    ``edges`` (F, 256) ascending, +inf beyond the last; ``missing`` (F,) uint8 code of NaN and of whatever a
    category feature does not know; ``is_number`` (F,): a category feature has no edges.
    """

    edges: NDArray[np.float64]
    missing: NDArray[np.uint8]
    is_number: NDArray[np.bool_]


class FlatTrees(NamedTuple):
    """T trees. A slot is one feature used by one tree; the AND of a tree's slots leaves one bit: the row's leaf.

    ``slot_start`` (T+1,) int64: the slots of tree t; ``feature`` (Q,) int64 and ``mask`` (Q, 256) uint64 of each slot.
    ``value_start`` (T+1,) int64: where the leaves of tree t begin in ``value``, the margin of every leaf.
    """

    slot_start: NDArray[np.int64]
    feature: NDArray[np.int64]
    mask: NDArray[np.uint64]
    value_start: NDArray[np.int64]
    value: NDArray[np.float64]


class FlatShapley(NamedTuple):
    """Shapley tables. A block gives U features' values for each of its N states; four blocks at most are a word.

    A word's state is the sum of ``step[h, code of feature[h]]`` over its slots h in ``slot_start[w]`` to
    ``slot_start[w + 1]``; bits 16 k to 16 k + 15 of it are the state of the word's k-th block.
    The blocks of word w are ``block_start[w]`` to ``block_start[w + 1]``. Block b speaks of the features
    ``column[column_start[b] : column_start[b + 1]]``, U of them; what it adds to the u-th in state s is
    ``value[value_start[b] + U * s + u]``.
    """

    slot_start: NDArray[np.int64]
    feature: NDArray[np.int64]
    step: NDArray[np.uint64]
    block_start: NDArray[np.int64]
    column_start: NDArray[np.int64]
    column: NDArray[np.int64]
    value_start: NDArray[np.int64]
    value: NDArray[np.float64]


class FlatPaths(NamedTuple):
    """Leaves behind so many features that no table would pay; their values are integrated row by row, after the blocks.

    Path p looks at the features ``feature[start[p] : start[p + 1]]``; ``met`` (., 256) tells which codes meet its
    conditions, ``fraction`` which share of the reference does; ``value`` is the leaf's margin.
    ``node`` and ``weight`` (., 32) are the nodes and weights of Gauss and Legendre; path p needs ``points[p]`` of them.
    """

    start: NDArray[np.int64]
    feature: NDArray[np.int64]
    met: NDArray[np.uint8]
    fraction: NDArray[np.float64]
    value: NDArray[np.float64]
    points: NDArray[np.int64]
    node: NDArray[np.float64]
    weight: NDArray[np.float64]


def flat_bins(bins: Sequence[Bins]) -> FlatBins:
    """The bins of F features as arrays."""
    nothing = np.full(WIDTH, np.inf)
    edges = np.array([item.padded_edges if isinstance(item, NumericBins) else nothing for item in bins])
    missing = np.array([item.size - 1 for item in bins], dtype=np.uint8)
    return FlatBins(edges, missing, np.array([isinstance(item, NumericBins) for item in bins], dtype=bool))
