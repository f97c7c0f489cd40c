"""scikit-learn's node arrays of boosted trees become tree tables; nothing is approximated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from decisionloop.errors import CompileError
from decisionloop.predict.scorer.codes import Bins, NumericBins
from decisionloop.predict.scorer.numpy_engine import chunks, exit_leaves
from decisionloop.predict.scorer.trees import IS_MISSING_LEFT, IS_SET, MAX_LEAVES, TreeTables

Nodes = np.ndarray
"""scikit-learn's record array of a tree: parents before children, each left subtree right behind its parent."""


@dataclass(frozen=True)
class SourceTree:
    """One trained tree: its nodes, its bit sets of left categories (in the model's codes), and what it may split.

    ``feature`` maps scikit-learn's column numbers to the scorer's features.
    """

    nodes: Nodes
    left_categories: NDArray[np.uint32]
    feature: NDArray[np.intp]

    @property
    def splits(self) -> NDArray[np.intp]:
        """Numbers of the nodes that split, parents first."""
        return np.flatnonzero(self.nodes["is_leaf"] == 0)

    @property
    def left_leaves(self) -> NDArray[np.intp]:
        """How many leaves lie below the left child of each split."""
        before = np.cumsum(np.append(0, self.nodes["is_leaf"] != 0))
        # A left subtree is everything between its parent and the parent's right child.
        return before[self.nodes["right"][self.splits]] - before[self.splits]


@dataclass(frozen=True)
class _Split:
    """One split as the tables hold it."""

    shape: int
    feature: int
    threshold: int
    left: NDArray[np.uint8]


def compile_trees(
    baseline: float,
    trees: Sequence[SourceTree],
    bins: Sequence[Bins],
    codes: NDArray[np.uint8],
    weight: NDArray[np.float64],
) -> TreeTables:
    """Build the tables of ``trees``; covers are taken of the reference ``codes`` (F, n) with ``weight`` (n,).

    Raises CompileError for a tree of more than 64 leaves.
    """
    grown = [tree for tree in trees if len(tree.nodes) > 1]
    leaves = np.array([tree.nodes["is_leaf"].sum() for tree in grown], dtype=np.int64)
    if leaves.max(initial=0) > MAX_LEAVES:
        raise CompileError(
            f"tree {int(leaves.argmax())} has {int(leaves.max())} leaves, and one tree's leaves must fit the "
            f"{MAX_LEAVES} bits of a word. Train with max_leaf_nodes <= {MAX_LEAVES}."
        )
    # A tree that never split adds its one value to every row.
    constant = sum(float(tree.nodes["value"][0]) for tree in trees if len(tree.nodes) == 1)
    splits = [split for tree in grown for split in _splits(tree, bins)]
    ends = [tree.nodes[tree.nodes["is_leaf"] != 0] for tree in grown]
    count = np.concatenate([np.empty(0), *(leaf["count"] for leaf in ends)])
    tables = TreeTables(
        baseline=baseline + constant,
        sizes=tuple(item.size for item in bins),
        leaves=leaves.astype(np.uint8),
        shape=np.array([split.shape for split in splits], dtype=np.uint8),
        feature=np.array([split.feature for split in splits], dtype="u1" if len(bins) <= 256 else "u2"),
        threshold=np.array([split.threshold for split in splits], dtype=np.uint8),
        left=np.concatenate([np.empty(0, np.uint8), *(split.left for split in splits)]).astype(np.uint8),
        value=np.concatenate([np.empty(0), *(leaf["value"] for leaf in ends)]),
        cover=-np.maximum(count, 1.0),
    )
    return replace(tables, cover=_covers(tables, codes, weight))


def _splits(tree: SourceTree, bins: Sequence[Bins]) -> Iterator[_Split]:
    """The splits of one tree, parents first."""
    for number, left_leaves in zip(tree.splits.tolist(), tree.left_leaves.tolist(), strict=True):
        node = tree.nodes[number]
        feature = int(tree.feature[node["feature_idx"]])
        item = bins[feature]
        shape = left_leaves | (IS_MISSING_LEFT if node["missing_go_to_left"] else 0)
        width = -(-item.size // 8)
        if node["is_categorical"]:
            words = np.ascontiguousarray(tree.left_categories[node["bitset_idx"]], dtype="<u4")
            yield _Split(shape | IS_SET, feature, 0, words.view(np.uint8)[:width])
        elif not isinstance(item, NumericBins):
            raise CompileError(f"a tree splits category {item.name!r} as a number. Train it as a category.")
        elif np.isnan(node["num_threshold"]):  # nothing but missing is left of it
            yield _Split(shape | IS_SET, feature, 0, np.zeros(width, np.uint8))
        else:
            yield _Split(shape, feature, _last_left_code(float(node["num_threshold"]), item), np.empty(0, np.uint8))


def _last_left_code(threshold: float, bins: NumericBins) -> int:
    """Largest code whose values are <= threshold; infinity keeps all but missing."""
    code = int(np.searchsorted(bins.edges, threshold, side="left"))
    if not np.isposinf(threshold) and (code == len(bins.edges) or bins.edges[code] != threshold):
        raise CompileError(
            f"a tree splits feature {bins.name!r} at {threshold!r}, which is not one of the model's bin edges. "
            "Train the model again with scikit-learn's own fit."
        )
    return code


def _covers(tables: TreeTables, codes: NDArray[np.uint8], weight: NDArray[np.float64]) -> NDArray[np.floating]:
    """Weight of the reference in each leaf (L,); where it has none, minus the number of training rows stays."""
    cover, flat = np.zeros(len(tables.value)), tables.flat
    for rows, index in chunks(codes, 0, codes.shape[1]):
        for tree, (start, stop) in enumerate(pairwise(flat.slot_start.tolist())):
            leaf = exit_leaves(flat.mask[start:stop], flat.feature[start:stop], index)
            own = cover[flat.value_start[tree] : flat.value_start[tree + 1]]
            own += np.bincount(leaf, weights=weight[rows], minlength=len(own))
    cover = np.where(cover > 0, cover, tables.cover)
    is_exact = (cover.astype(np.float32) == cover).all()
    return cover.astype(np.float32) if is_exact else cover
