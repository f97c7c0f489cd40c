"""A scorer's tables laid out for one row at a time: what a code selects lies side by side.

In a batch one slot's table meets many rows. One row meets each table once, so its tables are turned round: for each
feature and code the entries of all slots are neighbours, and a row reads a few hundred bytes per feature in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from decisionloop.predict.scorer.flat import FlatShapley
    from decisionloop.predict.scorer.trees import TreeTables


class ByCode(NamedTuple):
    """64-bit words of Q slots over F features, by feature and code.

    Feature f has ``first[f + 1] - first[f]`` slots; slot ``first[f] + j`` belongs to ``target`` (a tree or a word of
    states), and what code c selects for it is ``word[start[f] + c * (first[f + 1] - first[f]) + j]``.
    """

    first: NDArray[np.int64]
    start: NDArray[np.int64]
    target: NDArray[np.int64]
    word: NDArray[np.uint64]


def by_code(
    slot_start: NDArray[np.int64], feature: NDArray[np.int64], table: NDArray[np.uint64], sizes: NDArray[np.int64]
) -> ByCode:
    """Turn slots ``feature`` (Q,) with ``table`` (Q, W) round; ``slot_start`` (T+1,) says which slots a target has.

    ``sizes`` (F,): how many codes each feature has.
    """
    owner = np.repeat(np.arange(len(slot_start) - 1), np.diff(slot_start))
    order = np.argsort(feature, kind="stable")
    count = np.bincount(feature, minlength=len(sizes))
    first = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(count * sizes)]).astype(np.int64)
    word = np.empty(int(start[-1]), dtype=np.uint64)
    for f, size in enumerate(sizes.tolist()):
        slots = order[first[f] : first[f + 1]]
        word[start[f] : start[f + 1]] = table[slots, :size].T.ravel()
    return ByCode(first, start[:-1].copy(), owner[order].astype(np.int64), word)


class RowTrees(NamedTuple):
    """What a margin over trees needs, in the order of the kernels' arguments; see `flat.FlatTrees`."""

    baseline: float
    first: NDArray[np.int64]
    start: NDArray[np.int64]
    target: NDArray[np.int64]
    word: NDArray[np.uint64]
    value_start: NDArray[np.int64]
    value: NDArray[np.float64]


class RowShapley(NamedTuple):
    """What contributions over trees need, in the order of the kernels' arguments; see `flat.FlatShapley`.

    ``words``: how many words of states there are.
    """

    first: NDArray[np.int64]
    start: NDArray[np.int64]
    target: NDArray[np.int64]
    word: NDArray[np.uint64]
    words: int
    block_start: NDArray[np.int64]
    column_start: NDArray[np.int64]
    column: NDArray[np.int64]
    value_start: NDArray[np.int64]
    value: NDArray[np.float64]


def row_trees(tables: TreeTables) -> RowTrees:
    """Lay out boosted trees for one row."""
    flat = tables.flat
    turned = by_code(flat.slot_start, flat.feature, flat.mask, np.array(tables.sizes, dtype=np.int64))
    return RowTrees(tables.baseline, *map(frozen, turned), frozen(flat.value_start), frozen(flat.value))


def row_shapley(flat: FlatShapley, sizes: NDArray[np.int64]) -> RowShapley:
    """Lay out Shapley tables for one row."""
    turned = by_code(flat.slot_start, flat.feature, flat.step, sizes)
    blocks = map(frozen, (flat.block_start, flat.column_start, flat.column, flat.value_start, flat.value))
    return RowShapley(*map(frozen, turned), len(flat.slot_start) - 1, *blocks)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A contiguous read-only view, as the kernels' signatures want it."""
    view = np.ascontiguousarray(array).view()
    view.setflags(write=False)
    return view
