"""The numpy engine: margins and contributions by looking up whole columns of codes. It is the reference.

Arguments and order of additions are those of ``numba_kernels``, so that both engines give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from decisionloop.predict.scorer.flat import FlatPaths, FlatShapley, FlatTrees

CHUNK = 16384
"""Rows computed together: enough to drown the cost of a call, few enough to stay in the processor's cache."""

Index = NDArray[np.intp]


def margins(codes: NDArray[np.uint8], start: int, stop: int, baseline: float, flat: FlatTrees, out: NDArray) -> None:
    """Write the margins of rows start..stop-1 of ``codes`` (F, n) to ``out`` (n,)."""
    slots, values = flat.slot_start.tolist(), flat.value_start.tolist()
    for rows, index in chunks(codes, start, stop):
        total = np.full(index.shape[1], baseline)
        for tree in range(len(values) - 1):
            where = slice(slots[tree], slots[tree + 1])
            leaf = exit_leaves(flat.mask[where], flat.feature[where], index)
            total += flat.value[values[tree] : values[tree + 1]].take(leaf)
        out[rows] = total


def contributions(
    codes: NDArray[np.uint8], start: int, stop: int, tables: FlatShapley, paths: FlatPaths, out: NDArray
) -> None:
    """Write the Shapley values of rows start..stop-1 of ``codes`` (F, n) to ``out`` (n, F)."""
    for rows, index in chunks(codes, start, stop):
        share = np.zeros(index.shape)
        for word in range(len(tables.slot_start) - 1):
            _add_word(tables, word, index, share)
        for path in range(len(paths.value)):
            _add_path(paths, path, index, share)
        out[rows] = share.T


def chunks(codes: NDArray[np.uint8], start: int, stop: int) -> Iterator[tuple[slice, Index]]:
    """Cut rows into cache-sized pieces; the codes of each piece come as look-up indices."""
    for begin in range(start, stop, CHUNK):
        rows = slice(begin, min(begin + CHUNK, stop))
        yield rows, codes[:, rows].astype(np.intp)


def exit_leaves(mask: NDArray[np.uint64], feature: NDArray[np.int64], index: Index) -> NDArray[np.uint8]:
    """The leaf (n,) that each row of ``index`` (F, n) reaches in one tree of slots ``mask``, ``feature``."""
    leaves = mask[0].take(index[feature[0]])
    for table, source in zip(mask[1:], feature[1:], strict=True):
        leaves &= table.take(index[source])
    # Exactly one bit is left; the bits below it are counted.
    return np.bitwise_count(leaves - np.uint64(1))


def _add_word(tables: FlatShapley, word: int, index: Index, share: NDArray[np.float64]) -> None:
    slots = range(tables.slot_start[word], tables.slot_start[word + 1])
    state = np.zeros(index.shape[1], np.uint64)
    for slot in slots:
        state += tables.step[slot].take(index[tables.feature[slot]])
    first = int(tables.block_start[word])
    for block in range(first, int(tables.block_start[word + 1])):
        part = state >> np.uint64(16 * (block - first)) & np.uint64(0xFFFF)
        columns = tables.column[tables.column_start[block] : tables.column_start[block + 1]]
        values = tables.value[tables.value_start[block] : tables.value_start[block + 1]].reshape(-1, len(columns))
        for column, feature in enumerate(columns):
            share[feature] += values[:, column].take(part.view(np.int64))


def _add_path(paths: FlatPaths, path: int, index: Index, share: NDArray[np.float64]) -> None:
    """Add v (o - z) I for each feature of the path; I, the integral over the others, is by Gauss and Legendre."""
    where = range(paths.start[path], paths.start[path + 1])
    met = [paths.met[k].take(index[paths.feature[k]]) for k in where]
    integral = np.zeros((len(met), index.shape[1]))
    for t, weight in zip(paths.node[path, : paths.points[path]], paths.weight[path], strict=False):
        factor = [
            np.where(o, t + (1.0 - t) * paths.fraction[k], (1.0 - t) * paths.fraction[k])
            for k, o in zip(where, met, strict=True)
        ]
        product = np.full(index.shape[1], weight)
        for one in factor:
            product = product * one
        for row, one in zip(integral, factor, strict=True):
            # A factor of zero needs no care: its own feature has o - z = 0, and it makes the others' products zero.
            row += np.divide(product, one, out=np.zeros_like(product), where=one > 0.0)
    for k, o, row in zip(where, met, integral, strict=True):
        share[paths.feature[k]] += paths.value[path] * ((o - paths.fraction[k]) * row)
