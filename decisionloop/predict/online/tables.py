"""A scorer's tables laid out for one row at a time: what a code selects lies side by side.

In a batch one slot's table meets many rows. One row meets each table once, so its tables are turned round: for each
feature and code the entries of all slots are neighbours, and a row reads a few hundred bytes per feature in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from decisionloop.predict.scorer.flat import FlatShapley
    from decisionloop.predict.scorer.trees import TreeTables


class ByCode(NamedTuple):
    """64-bit words of Q slots over F features, by feature and code: what a code selects is read in order.

    Feature f has ``first[f + 1] - first[f]`` slots; slot ``first[f] + j`` belongs to ``target`` (a word of
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
    """What a margin over T trees needs, in the order of the kernels' arguments; see `flat.FlatTrees`.

    Of the U features that any tree uses, ``used[u]`` with code c has one word a tree: ``word[offset[u] + c]`` (T,), 32
    bits wide where no tree has more leaves. Trees that do not use the feature have all bits set. A row is an AND
    over U such rows, which the processor does many trees at a time; slots alone would be fewer words and slower.
    """

    baseline: float
    used: NDArray[np.int64]
    offset: NDArray[np.int64]
    word: NDArray[np.uint32] | NDArray[np.uint64]
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

    def selected(self, codes: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
        """The targets and words that ``codes`` (F,) select, feature by feature."""
        for feature, code in enumerate(codes.tolist()):
            low, high = int(self.first[feature]), int(self.first[feature + 1])
            at = int(self.start[feature]) + code * (high - low)
            yield self.target[low:high], self.word[at : at + high - low]


def row_trees(tables: TreeTables) -> RowTrees:
    """Lay out boosted trees for one row."""
    flat, sizes = tables.flat, np.array(tables.sizes, dtype=np.int64)
    kind: type[np.uint32 | np.uint64] = np.uint32 if tables.leaves.max(initial=0) <= 32 else np.uint64
    used = np.unique(flat.feature)
    offset = np.concatenate([[0], np.cumsum(sizes[used])]).astype(np.int64)
    word = np.full((int(offset[-1]), len(tables.leaves)), np.iinfo(kind).max, dtype=kind)
    owner = np.repeat(np.arange(len(tables.leaves)), np.diff(flat.slot_start))
    for feature, start, stop in zip(used.tolist(), offset[:-1].tolist(), offset[1:].tolist(), strict=True):
        slots = flat.feature == feature
        word[start:stop, owner[slots]] = flat.mask[slots, : stop - start].T.astype(kind)
    return RowTrees(
        tables.baseline,
        frozen(used.astype(np.int64)),
        frozen(offset[:-1]),
        frozen(word),
        frozen(flat.value_start),
        frozen(flat.value),
    )


def row_shapley(flat: FlatShapley, sizes: NDArray[np.int64]) -> RowShapley:
    """Lay out Shapley tables for one row."""
    turned = by_code(flat.slot_start, flat.feature, flat.step, sizes)
    return RowShapley(
        first=frozen(turned.first),
        start=frozen(turned.start),
        target=frozen(turned.target),
        word=frozen(turned.word),
        words=len(flat.slot_start) - 1,
        block_start=frozen(flat.block_start),
        column_start=frozen(flat.column_start),
        column=frozen(flat.column),
        value_start=frozen(flat.value_start),
        value=frozen(flat.value),
    )


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A contiguous read-only view, as the kernels' signatures want it."""
    view = np.ascontiguousarray(array).view()
    view.setflags(write=False)
    return view
