"""Boosted trees as a file holds them, and the masks that score them without walking a tree (QuickScorer).

Formula source: Lucchese et al., "QuickScorer: a Fast Algorithm to Rank Documents with Additive Ensembles of
Regression Trees", SIGIR 2015. Here a mask also drops the leaves that a true condition rules out, so that the AND
over a tree's features leaves exactly one bit, and each feature's mask alone says which paths it satisfies: that is
what the Shapley values need.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from decisionloop.predict.scorer import numpy_engine, shapley
from decisionloop.predict.scorer.codes import once_per_distinct_row
from decisionloop.predict.scorer.engine import (
    DERIVING_ROWS,
    EngineName,
    in_parts,
    kernels,
    resolve_engine,
    table_kernels,
)
from decisionloop.predict.scorer.flat import WIDTH, FlatPaths, FlatShapley, FlatTrees

MAX_LEAVES = 64
"""One bit of a 64-bit word for each leaf of a tree."""

LEFT_LEAVES, IS_SET, IS_MISSING_LEFT = 0x3F, 0x40, 0x80
"""The parts of a split's ``shape``."""


class Splits(NamedTuple):
    """Where the S splits stand: the leaves [first, middle) are to their left, [middle, last) to their right.

    Leaves are numbered from left to right within their tree.
    """

    first: NDArray[np.int64]
    middle: NDArray[np.int64]
    last: NDArray[np.int64]


class Slots(NamedTuple):
    """Each feature that a tree uses is one slot; Q of them. ``start`` (T+1,): the slots of each tree.

    ``feature`` (Q,); ``of_split`` (S,): slot of each split; ``tree`` (S,): tree of each split.
    """

    start: NDArray[np.int64]
    feature: NDArray[np.int64]
    of_split: NDArray[np.int64]
    tree: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TreeTables:
    """T trees, S splits, L leaves. The arrays are what the file holds; whatever is looked up is derived from them.

    ``baseline``: the margin before any tree. ``sizes`` (F,): how many codes each feature has, missing included.
    ``leaves`` (T,) uint8: leaves of each tree, 2 to 64.
    Splits come tree after tree, parents first, each left subtree right behind its parent:
    ``shape`` (S,) uint8: bits 0-5 count the leaves below the left child, bit 6 says that the split is by a set of
    codes, bit 7 that missing goes left; ``feature`` (S,) uint8 or uint16; ``threshold`` (S,) uint8: the last code
    that goes left (0 for a set); ``left`` uint8: for each split by a set, ceil(size / 8) bytes, lowest bit first,
    of the codes that go left.
    Leaves come tree after tree, from left to right: ``value`` (L,): what they add to the margin; ``cover`` (L,)
    float32 where that is exact, else float64: weight of the training reference in the leaf. A leaf without any has
    minus the number of training rows; that decides shares below a split that no reference row reaches.
    """

    baseline: float
    sizes: tuple[int, ...]
    leaves: NDArray[np.uint8]
    shape: NDArray[np.uint8]
    feature: NDArray[np.uint8] | NDArray[np.uint16]
    threshold: NDArray[np.uint8]
    left: NDArray[np.uint8]
    value: NDArray[np.float64]
    cover: NDArray[np.float32] | NDArray[np.float64]

    @cached_property
    def splits(self) -> Splits:
        """Where every split stands."""
        return place_splits(self.leaves, self.shape)

    @cached_property
    def slots(self) -> Slots:
        """Which feature each tree uses where."""
        return group_splits(self)

    @cached_property
    def flat(self) -> FlatTrees:
        """Masks and leaf values, derived once; the same whichever engine derives them."""
        return flat_trees(self, resolve_engine("auto", 0))

    @cached_property
    def fraction(self) -> NDArray[np.float64]:
        """Shares (Q, 64) of the training reference that meet each slot's conditions on the way to each leaf."""
        return slot_fractions(self)

    @cached_property
    def base_margin(self) -> float:
        """Expected margin over the training reference: the margin that contributions start from."""
        total = self.baseline
        slots, values = self.flat.slot_start.tolist(), self.flat.value_start.tolist()
        for tree, count in enumerate(self.leaves.tolist()):
            reach = np.prod(self.fraction[slots[tree] : slots[tree + 1], :count], axis=0)
            total += float(np.dot(reach, self.value[values[tree] : values[tree + 1]]))
        return total

    def shapley(self, engine: EngineName = "auto") -> tuple[FlatShapley, FlatPaths]:
        """The Shapley tables, derived when first asked for; the same whichever engine derives them."""
        found = self.__dict__.get("_shapley")
        if found is None:
            found = shapley.flat_shapley(self.flat, self.fraction, resolve_engine(engine))
            self.__dict__["_shapley"] = found
        return found

    def margin(self, codes: NDArray[np.uint8], engine: EngineName = "auto", threads: int = 1) -> NDArray[np.float64]:
        """Margins (n,) of coded rows (F, n)."""
        return once_per_distinct_row(lambda rows: self._margin(rows, engine, threads), codes)

    def contributions(
        self, codes: NDArray[np.uint8], engine: EngineName = "auto", threads: int = 1
    ) -> NDArray[np.float64]:
        """Path-dependent Shapley values (n, F) of coded rows (F, n), and with ``base_margin`` their margin."""
        return once_per_distinct_row(lambda rows: self._contributions(rows, engine, threads), codes)

    def _margin(self, codes: NDArray[np.uint8], engine: EngineName, threads: int) -> NDArray[np.float64]:
        codes, out = np.ascontiguousarray(codes), np.empty(codes.shape[1])
        compute = kernels().margins if resolve_engine(engine, len(out)) == "numba" else numpy_engine.margins
        in_parts(lambda start, stop: compute(codes, start, stop, self.baseline, self.flat, out), len(out), threads)
        return out

    def _contributions(self, codes: NDArray[np.uint8], engine: EngineName, threads: int) -> NDArray[np.float64]:
        codes, out = np.ascontiguousarray(codes), np.empty(codes.shape[::-1])
        deriving = 0 if "_shapley" in self.__dict__ else DERIVING_ROWS * len(self.value)
        used = resolve_engine(engine, len(out) + deriving)
        tables, paths = self.shapley(used)
        compute = kernels().contributions if used == "numba" else numpy_engine.contributions
        in_parts(lambda start, stop: compute(codes, start, stop, tables, paths, out), len(out), threads)
        return out


def place_splits(leaves: NDArray[np.uint8], shape: NDArray[np.uint8]) -> Splits:
    """Number the leaves below every split of trees with ``leaves`` (T,) leaves."""
    below = (shape & LEFT_LEAVES).astype(np.int64)
    if resolve_engine("auto", 0) == "numba":
        begin, end = np.empty(len(shape), np.int64), np.empty(len(shape), np.int64)
        table_kernels().place(leaves, shape, begin, end)
        return Splits(begin, begin + below, end)
    first, last, start = [0] * len(below), [0] * len(below), 0
    for count in leaves.tolist():
        last[start] = count
        start += count - 1
    for i, left in enumerate(below.tolist()):
        middle = first[i] + left
        if left > 1:
            first[i + 1], last[i + 1] = first[i], middle
        if last[i] - middle > 1:
            first[i + left], last[i + left] = middle, last[i]
    return Splits(np.array(first, dtype=np.int64), np.array(first, dtype=np.int64) + below, np.array(last, np.int64))


def flat_trees(tables: TreeTables, engine: EngineName) -> FlatTrees:
    """Slots, masks and leaf values of the trees."""
    slots, splits, leaves = tables.slots, tables.splits, tables.leaves.astype(np.int64)
    if engine == "numba":
        mask = np.empty((len(slots.feature), WIDTH), np.uint64)
        sizes, feature = np.array(tables.sizes, np.int64), tables.feature.astype(np.int64)
        stored = (tables.shape, feature, tables.threshold, tables.left)
        table_kernels().fill_masks(*stored, sizes, slots.of_split, splits.first, splits.last, leaves[slots.tree], mask)
    else:
        mask = _masks(tables)
    values = np.concatenate([[0], np.cumsum(leaves)]).astype(np.int64)
    return FlatTrees(slots.start, slots.feature, mask, values, np.array(tables.value, dtype=np.float64))


def _masks(tables: TreeTables) -> NDArray[np.uint64]:
    """Masks (Q, 256): the AND of the conditions of each slot's splits."""
    splits, slots = tables.splits, tables.slots
    to_left = ~leaf_bits(splits.middle, splits.last)[:, None]
    to_right = ~leaf_bits(splits.first, splits.middle)[:, None]
    order = np.argsort(slots.of_split, kind="stable")
    kept = np.where(goes_left(tables), to_left, to_right)[order]
    begin = np.searchsorted(slots.of_split[order], np.arange(len(slots.feature)))
    mask = np.bitwise_and.reduceat(kept, begin, axis=0) if len(kept) else np.empty((0, WIDTH), np.uint64)
    whole = leaf_bits(np.zeros(len(tables.leaves), np.int64), tables.leaves.astype(np.int64))
    return mask & np.repeat(whole, np.diff(slots.start))[:, None]


def leaf_bits(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The masks of leaves first..last-1; last may be 64."""
    return _below(last) ^ _below(first)


def _below(leaf: NDArray[np.int64]) -> NDArray[np.uint64]:
    shift = np.minimum(leaf, 63).astype(np.uint64)
    return np.where(leaf < 64, (np.uint64(1) << shift) - np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF))


def goes_left(tables: TreeTables) -> NDArray[np.bool_]:
    """Which codes (S, 256) go left; a code that the feature does not have goes where missing goes."""
    is_left = np.arange(WIDTH) <= tables.threshold[:, None]
    sizes = np.array(tables.sizes, dtype=np.int64)[tables.feature]
    chosen = np.flatnonzero(tables.shape & IS_SET)
    start = 0
    for i, width in zip(chosen.tolist(), (-(-sizes[chosen] // 8)).tolist(), strict=True):
        bits = np.unpackbits(tables.left[start : start + width], bitorder="little")[:WIDTH]
        is_left[i] = False
        is_left[i, : len(bits)] = bits
        start += width
    is_missing = np.arange(WIDTH) >= sizes[:, None] - 1
    return np.where(is_missing, (tables.shape & IS_MISSING_LEFT != 0)[:, None], is_left)


def slot_fractions(tables: TreeTables) -> NDArray[np.float64]:
    """Shares (Q, 64): for a slot and a leaf the product, over the slot's splits on the way, of the child's share."""
    fraction = np.ones((len(tables.slots.feature), MAX_LEAVES))
    first, middle, last = (bound.tolist() for bound in tables.splits)
    for i, (slot, left, right) in enumerate(zip(tables.slots.of_split.tolist(), *left_shares(tables), strict=True)):
        row = fraction[slot]
        row[first[i] : middle[i]] *= left
        row[middle[i] : last[i]] *= right
    return fraction


def left_shares(tables: TreeTables) -> tuple[list[float], list[float]]:
    """Shares of the reference that go left and right at each split; of the training rows where it has none there."""
    offset = (np.cumsum(tables.leaves, dtype=np.int64) - tables.leaves)[tables.slots.tree]
    first, middle, last = ((bound + offset).tolist() for bound in tables.splits)
    reached = np.maximum(tables.cover, 0).astype(np.float64).tolist()
    trained = np.abs(tables.cover).astype(np.float64).tolist()
    below = {"reached": [0.0] * len(first), "trained": [0.0] * len(first)}
    left, right = [0.0] * len(first), [0.0] * len(first)
    for i in range(len(first) - 1, -1, -1):  # children before parents
        for total, cover in ((below["trained"], trained), (below["reached"], reached)):
            size_left = cover[first[i]] if middle[i] - first[i] == 1 else total[i + 1]
            size_right = cover[middle[i]] if last[i] - middle[i] == 1 else total[i + middle[i] - first[i]]
            total[i] = size_left + size_right
            if total[i] > 0.0:
                left[i], right[i] = size_left / total[i], size_right / total[i]
    return left, right


def group_splits(tables: TreeTables) -> Slots:
    """Gather the splits of a tree that look at one feature."""
    many, leaves = max(len(tables.sizes), 1), tables.leaves.astype(np.int64)
    tree = np.repeat(np.arange(len(leaves)), leaves - 1)
    unique, slot = np.unique(tree * many + tables.feature, return_inverse=True)
    start = np.searchsorted(unique, np.arange(len(leaves) + 1) * many)
    return Slots(start.astype(np.int64), (unique % many).astype(np.int64), slot.astype(np.int64), tree)
