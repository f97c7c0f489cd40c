"""Exact path-dependent Shapley values of a tree as tables over the tree's own conditions.

A leaf with value v whose path conditions on feature k are met by a share z_k of the training reference adds
v * prod_{k in S} o_k * prod_{k not in S} z_k to the worth of a coalition S (o_k is 1 where the row meets the
conditions on k, else 0): the path-dependent game of Lundberg et al., "From local explanations to global
understanding with explainable AI for trees", Nature Machine Intelligence 2020. Because
s! (d-1-s)! / d! = integral over [0, 1] of t^s (1-t)^(d-1-s), the leaf's Shapley value for j is

    v (o_j - z_j) * integral of prod_{k != j} (t o_k + (1-t) z_k) dt,

a polynomial of degree d-1 in t, which Gauss-Legendre quadrature with ceil(d/2) nodes integrates exactly. No term
but (o_j - z_j) is negative, so nothing cancels. A feature without a condition on the path has o = z = 1 and drops
out.

A row's values depend only on which conditions it meets, so they are computed once per combination: leaves that
share features are gathered into blocks, and a block is one table look-up per feature.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decisionloop.predict.scorer.engine import table_kernels
from decisionloop.predict.scorer.flat import WIDTH, WORD_BLOCKS, FlatPaths, FlatShapley, FlatTrees

BLOCK_STATES = 1024
"""Leaves are gathered into a block while its combinations of conditions stay below this."""

PATH_STATES = 8192
"""A single leaf with more combinations than this gets no table: its values are integrated row by row instead."""


class Block(NamedTuple):
    """Leaves ``start`` to ``stop - 1`` of one tree; they look at U slots, whose conditions combine in N states.

    ``slots`` (U,); ``kinds``: the different masks of each slot, cut to these leaves, ascending. State s takes the kind
    ``s // stride % len(kinds)`` of each slot; the first slot has stride 1.
    """

    start: int
    stop: int
    slots: tuple[int, ...]
    kinds: tuple[tuple[int, ...], ...]

    @property
    def states(self) -> int:
        """How many states there are."""
        return math.prod(map(len, self.kinds))


@cache
def quadrature(count: int) -> tuple[tuple[float, float], ...]:
    """Gauss-Legendre (node, weight) pairs on [0, 1]: exact for polynomials of degree below 2 * count."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return tuple(zip(((nodes + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))


def leaf_table(fraction: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """Shapley values (2^d, d) of a leaf of margin ``value`` behind d features with shares ``fraction`` (d,).

    Bit k of the row's number tells whether the conditions on feature k are met.
    """
    d = len(fraction)
    integral = np.zeros((d, 1 << d))
    for t, weight in quadrature((d + 1) // 2):
        product = np.full(1, weight)
        for z in fraction.tolist():
            product = np.concatenate([product * ((1.0 - t) * z), product * (t + (1.0 - t) * z)])
        for k, z in enumerate(fraction.tolist()):
            # Never zero: the factor of the condition that is met. The integral does not depend on feature k itself.
            integral[k].reshape(-1, 2, 1 << k)[:] += product.reshape(-1, 2, 1 << k)[:, 1:] / (t + (1.0 - t) * z)
    is_met = np.arange(1 << d) >> np.arange(d)[:, None] & 1
    return (value * ((is_met - fraction[:, None]) * integral)).T


def tree_blocks(mask: NDArray[np.uint64], fraction: NDArray[np.float64]) -> Iterator[Block]:
    """Cut one tree (slots ``mask`` (S, 256), ``fraction`` (S, L)) into blocks; leaves without a condition drop out."""
    kinds = [np.unique(row).tolist() for row in mask]
    leaves, start = fraction.shape[1], 0
    while start < leaves:
        stop = start + 1
        while stop < leaves and _states(kinds, start, stop + 1) <= BLOCK_STATES:
            stop += 1
        if (block := one_block(mask, fraction, start, stop)).slots:
            yield block
        start = stop


def one_block(mask: NDArray[np.uint64], fraction: NDArray[np.float64], start: int, stop: int) -> Block:
    """Leaves start..stop-1 of the tree of slots ``mask`` (S, 256) and ``fraction`` (S, L) as a block."""
    bits = _bits(start, stop)
    kinds = [tuple(np.unique(row & np.uint64(bits)).tolist()) for row in mask]
    used = [s for s, one in enumerate(kinds) if one != (bits,) or (fraction[s, start:stop] != 1.0).any()]
    return Block(start, stop, tuple(used), tuple(kinds[s] for s in used))


def flat_shapley(
    flat: FlatTrees, fraction: NDArray[np.float64], engine: Literal["numba", "numpy"]
) -> tuple[FlatShapley, FlatPaths]:
    """The tables of all trees, whose slots have shares ``fraction`` (Q, 64). Both engines derive the same."""
    cut = _cut_by_numba if engine == "numba" else _cut_by_numpy
    blocks = cut(flat, fraction)
    is_long = blocks[:, 3] > PATH_STATES
    return _words(flat, fraction, blocks[~is_long], engine), _paths(flat, fraction, blocks[is_long])


def _cut_by_numba(flat: FlatTrees, fraction: NDArray[np.float64]) -> NDArray[np.int64]:
    blocks = np.empty((len(flat.value), 5), dtype=np.int64)
    return blocks[: table_kernels().cut_blocks(flat, fraction, BLOCK_STATES, blocks)]


def _cut_by_numpy(flat: FlatTrees, fraction: NDArray[np.float64]) -> NDArray[np.int64]:
    """Blocks (B, 5): tree, first leaf, last leaf + 1, states, slots that they look at."""
    rows = []
    for tree, (begin, end) in enumerate(pairwise(flat.slot_start.tolist())):
        leaves = int(flat.value_start[tree + 1] - flat.value_start[tree])
        found = tree_blocks(flat.mask[begin:end], fraction[begin:end, :leaves])
        rows += [(tree, one.start, one.stop, min(one.states, 1 << 40), len(one.slots)) for one in found]
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def _words(
    flat: FlatTrees, fraction: NDArray[np.float64], blocks: NDArray[np.int64], engine: Literal["numba", "numpy"]
) -> FlatShapley:
    """Gather a tree's blocks in words, four at most; then fill the tables and drop steps that never step."""
    tree = blocks[:, 0]
    place = (np.arange(len(tree)) - np.searchsorted(tree, tree)) % WORD_BLOCKS
    is_first = place == 0
    slots = np.diff(flat.slot_start)[tree[is_first]]
    step_start = _starts(slots)
    value_start, column_start = _starts(blocks[:, 3] * blocks[:, 4]), _starts(blocks[:, 4])
    column, value = np.empty(column_start[-1], np.int64), np.zeros(value_start[-1])
    step = np.zeros((step_start[-1], WIDTH), np.uint64)
    placed, rows = np.column_stack([blocks, place]), step_start[np.cumsum(is_first) - 1]
    fill = table_kernels().fill_blocks if engine == "numba" else _fill_blocks
    fill(flat, fraction, placed, rows, value_start, *quadrature_tables(), column, value, step)
    does_step = step.any(axis=1)
    source = np.arange(step_start[-1]) - np.repeat(step_start[:-1] - flat.slot_start[tree[is_first]], slots)
    return FlatShapley(
        slot_start=np.concatenate([[0], np.cumsum(does_step)])[step_start].astype(np.int64),
        feature=flat.feature[source[does_step]],
        step=step[does_step],
        block_start=np.append(np.flatnonzero(is_first), len(blocks)).astype(np.int64),
        column_start=column_start,
        column=column,
        value_start=value_start,
        value=value,
    )


def _fill_blocks(
    flat: FlatTrees,
    fraction: NDArray[np.float64],
    blocks: NDArray[np.int64],
    step_row: NDArray[np.int64],
    value_start: NDArray[np.int64],
    node: NDArray[np.float64],
    weight: NDArray[np.float64],
    column: NDArray[np.int64],
    value: NDArray[np.float64],
    step: NDArray[np.uint64],
) -> None:
    """Write ``column``, ``value`` and ``step``, as the kernel of this name does; it takes the quadrature as arrays."""
    at = 0
    for b, (tree, start, stop, states, many, place) in enumerate(blocks.tolist()):
        begin, end = flat.slot_start[tree : tree + 2].tolist()
        leaves = fraction[begin:end, : flat.value_start[tree + 1] - flat.value_start[tree]]
        block = one_block(flat.mask[begin:end], leaves, start, stop)
        rows, stride = begin + np.array(block.slots), 1
        for slot, mask, kinds in zip(block.slots, flat.mask[rows], block.kinds, strict=True):
            part = np.searchsorted(np.array(kinds, np.uint64), mask & np.uint64(_bits(start, stop)))
            step[step_row[b] + slot] += part.astype(np.uint64) * np.uint64(stride << 16 * place)
            stride *= len(kinds)
        column[at : at + many] = flat.feature[rows]
        at += many
        first = int(flat.value_start[tree])
        out = value[value_start[b] : value_start[b + 1]].reshape(states, many)
        add_block_values(block, fraction[rows, start:stop], flat.value[first + start : first + stop], out)


def add_block_values(
    block: Block, fraction: NDArray[np.float64], value: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Add to ``out`` (N, U) the Shapley values of each state, for B leaves of ``fraction`` (U, B), ``value`` (B,)."""
    sizes = [len(kinds) for kinds in block.kinds]
    state, strides = np.arange(len(out)), np.cumprod([1, *sizes[:-1]])
    kind = [state // stride % size for stride, size in zip(strides, sizes, strict=True)]
    for leaf in range(block.stop - block.start):
        met = [np.array([one >> block.start + leaf & 1 for one in kinds], np.int64) for kinds in block.kinds]
        own = [u for u, is_met in enumerate(met) if fraction[u, leaf] != 1.0 or not is_met.all()]
        pattern = np.zeros(len(out), dtype=np.int64)
        for k, u in enumerate(own):
            pattern += met[u][kind[u]] << k
        if own:
            out[:, own] += leaf_table(fraction[own, leaf], float(value[leaf])).take(pattern, axis=0)


def _paths(flat: FlatTrees, fraction: NDArray[np.float64], blocks: NDArray[np.int64]) -> FlatPaths:
    """The leaves ``blocks`` (P, 5), one each, that get no table."""
    rows, met, share, value = [], [], [], []
    for tree, leaf, _, _, _ in blocks.tolist():
        begin, end = flat.slot_start[tree : tree + 2].tolist()
        block = one_block(flat.mask[begin:end], fraction[begin:end], leaf, leaf + 1)
        rows.append(begin + np.array(block.slots))
        met.append(flat.mask[rows[-1]] >> np.uint64(leaf) & np.uint64(1))
        share.append(fraction[rows[-1], leaf])
        value.append(flat.value[flat.value_start[tree] + leaf])
    count = np.array([(len(own) + 1) // 2 for own in rows], dtype=np.int64)
    node, weight = quadrature_tables()
    return FlatPaths(
        start=_starts(np.array([len(own) for own in rows], dtype=np.int64)),
        feature=flat.feature[np.concatenate([np.empty(0, np.int64), *rows])],
        met=np.concatenate([np.empty((0, WIDTH), np.uint64), *met]).astype(np.uint8),
        fraction=np.concatenate([np.empty(0), *share]),
        value=np.array(value, dtype=np.float64),
        points=count,
        node=node[count],
        weight=weight[count],
    )


@cache
def quadrature_tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights (33, 32) of ``quadrature(count)`` in row ``count``."""
    node, weight = np.zeros((33, 32)), np.zeros((33, 32))
    for count in range(1, 33):
        node[count, :count], weight[count, :count] = zip(*quadrature(count), strict=True)
    return node, weight


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _bits(start: int, stop: int) -> int:
    """The mask of leaves start..stop-1."""
    return (1 << stop) - (1 << start)


def _states(kinds: list[list[int]], start: int, stop: int) -> int:
    """How many combinations of conditions leaves start..stop-1 can tell apart."""
    bits, states = _bits(start, stop), 1
    for masks in kinds:
        states *= len({mask & bits for mask in masks})
    return states
