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

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from decisionloop.predict.scorer.engine import kernels
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
        return int(np.prod([len(kinds) for kinds in self.kinds], dtype=object))


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
    integral = np.zeros((1 << d, d))
    for t, weight in quadrature((d + 1) // 2):
        product = np.full(1, weight)
        for z in fraction:
            product = np.concatenate([product * ((1.0 - t) * z), product * (t + (1.0 - t) * z)])
        for k, z in enumerate(fraction):
            # Never zero: the factor of the condition that is met. The integral does not depend on feature k itself.
            met = product.reshape(-1, 2, 1 << k)[:, 1:] / (t + (1.0 - t) * z)
            integral[:, k] += np.broadcast_to(met, (met.shape[0], 2, met.shape[2])).ravel()
    met = np.arange(1 << d)[:, None] >> np.arange(d) & 1
    return value * ((met - fraction) * integral)


def tree_blocks(mask: NDArray[np.uint64], fraction: NDArray[np.float64]) -> Iterator[Block]:
    """Cut one tree (slots ``mask`` (S, 256), ``fraction`` (S, L)) into blocks; leaves without a condition drop out."""
    kinds = [np.unique(row).tolist() for row in mask]
    leaves, start = fraction.shape[1], 0
    while start < leaves:
        stop = start + 1
        while stop < leaves and _states(kinds, start, stop + 1) <= BLOCK_STATES:
            stop += 1
        bits = _bits(start, stop)
        own = [tuple(sorted({kind & bits for kind in masks})) for masks in kinds]
        used = [s for s, one in enumerate(own) if one != (bits,) or (fraction[s, start:stop] != 1.0).any()]
        if used:
            yield Block(start, stop, tuple(used), tuple(own[s] for s in used))
        start = stop


def flat_shapley(flat: FlatTrees, fraction: NDArray[np.float64], engine: Literal["numba", "numpy"]) -> tuple[FlatShapley, FlatPaths]:
    """The tables of all trees, whose slots have shares ``fraction`` (Q, 64); words never span two trees."""
    words: list[list[tuple[int, Block]]] = []
    paths: list[tuple[int, int, Block]] = []
    for tree, (begin, end) in enumerate(pairwise(flat.slot_start.tolist())):
        leaves = int(flat.value_start[tree + 1] - flat.value_start[tree])
        found = list(tree_blocks(flat.mask[begin:end], fraction[begin:end, :leaves]))
        paths += [(tree, begin, block) for block in found if block.states > PATH_STATES]
        short = [(tree, block) for block in found if block.states <= PATH_STATES]
        words += [short[i : i + WORD_BLOCKS] for i in range(0, len(short), WORD_BLOCKS)]
    return _words(flat, fraction, words, engine), _paths(flat, fraction, paths)


def _words(
    flat: FlatTrees, fraction: NDArray[np.float64], words: list[list[tuple[int, Block]]], engine: Literal["numba", "numpy"]
) -> FlatShapley:
    steps, features, columns, values = [], [], [], []
    fill = block_values if engine == "numpy" else kernels().block_values
    for word in words:
        begin = int(flat.slot_start[word[0][0]])
        step: dict[int, NDArray[np.uint64]] = {}
        for place, (tree, block) in enumerate(word):
            rows, stride = begin + np.array(block.slots), 1
            for slot, row, kinds in zip(block.slots, flat.mask[rows], block.kinds, strict=True):
                part = np.searchsorted(np.array(kinds, np.uint64), row & np.uint64(_bits(block.start, block.stop)))
                added = part.astype(np.uint64) * np.uint64(stride << 16 * place)
                step[slot] = step[slot] + added if slot in step else added
                stride *= len(kinds)
            columns.append(flat.feature[rows])
            first = int(flat.value_start[tree])
            values.append(fill(*_leaves(block, fraction[rows], flat.value[first + block.start : first + block.stop])))
        features.append(flat.feature[begin + np.array(sorted(step))])
        steps += [step[slot] for slot in sorted(step)]
    return FlatShapley(
        slot_start=_starts(map(len, features)),
        feature=_joined(features, np.int64),
        step=np.array(steps, dtype=np.uint64).reshape(-1, WIDTH),
        block_start=_starts(map(len, words)),
        column_start=_starts(map(len, columns)),
        column=_joined(columns, np.int64),
        value_start=_starts(value.size for value in values),
        value=_joined([value.ravel() for value in values], np.float64),
    )


def _leaves(
    block: Block, fraction: NDArray[np.float64], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What ``block_values`` takes: sizes (U,), met (B, U, kinds), fraction (B, U), value (B,), and the quadrature."""
    sizes = np.array([len(kinds) for kinds in block.kinds], dtype=np.int64)
    kinds = np.zeros((len(sizes), int(sizes.max())), dtype=np.uint64)
    for row, own in zip(kinds, block.kinds, strict=True):
        row[: len(own)] = own
    leaf = np.arange(block.start, block.stop, dtype=np.uint64)
    met = (kinds >> leaf[:, None, None] & np.uint64(1)).astype(np.uint8)
    return sizes, met, np.ascontiguousarray(fraction[:, block.start : block.stop].T), value, *quadrature_tables()


def block_values(
    sizes: NDArray[np.int64],
    met: NDArray[np.uint8],
    fraction: NDArray[np.float64],
    value: NDArray[np.float64],
    node: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Shapley values (N, U), summed over B leaves, of each state of a block (the numpy engine's form).

    ``met`` (B, U, kinds): whether a kind of the slot meets the leaf's conditions; ``fraction`` (B, U); ``value`` (B,).
    """
    many = len(sizes)
    strides = np.cumprod(np.append(1, sizes[:-1]))
    state = np.arange(int(np.prod(sizes)))
    kind = [state // stride % size for stride, size in zip(strides, sizes, strict=True)]
    values = np.zeros((len(state), many))
    for bits, z, v in zip(met, fraction, value, strict=True):
        own = [u for u in range(many) if z[u] != 1.0 or not bits[u, : sizes[u]].all()]
        pattern = np.zeros(len(state), dtype=np.int64)
        for k, u in enumerate(own):
            pattern += bits[u].astype(np.int64)[kind[u]] << k
        if own:
            values[:, own] += leaf_table(z[own], float(v)).take(pattern, axis=0)
    return values


def _paths(flat: FlatTrees, fraction: NDArray[np.float64], paths: list[tuple[int, int, Block]]) -> FlatPaths:
    rows = [begin + np.array(block.slots) for _, begin, block in paths]
    leaf = [block.start for _, _, block in paths]
    met = [flat.mask[own] >> np.uint64(bit) & np.uint64(1) for own, bit in zip(rows, leaf, strict=True)]
    count = np.array([(len(own) + 1) // 2 for own in rows], dtype=np.int64)
    node, weight = quadrature_tables()
    return FlatPaths(
        start=_starts(map(len, rows)),
        feature=_joined([flat.feature[own] for own in rows], np.int64),
        met=np.array(_joined(met, np.uint8)).reshape(-1, WIDTH),
        fraction=_joined([fraction[own, bit] for own, bit in zip(rows, leaf, strict=True)], np.float64),
        value=np.array([flat.value[flat.value_start[tree] + block.start] for tree, _, block in paths], dtype=np.float64),
        count=count,
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


def _starts(lengths: Iterable[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)


def _joined(parts: list[NDArray], dtype: type) -> NDArray:
    return np.concatenate([np.empty((0, *parts[0].shape[1:]) if parts else 0), *parts]).astype(dtype)


def _bits(start: int, stop: int) -> int:
    """The mask of leaves start..stop-1."""
    return (1 << stop) - (1 << start)


def _states(kinds: list[list[int]], start: int, stop: int) -> int:
    """How many combinations of conditions leaves start..stop-1 can tell apart."""
    bits, states = _bits(start, stop), 1
    for masks in kinds:
        states *= len({mask & bits for mask in masks})
    return states
