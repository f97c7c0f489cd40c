"""The numba engine's kernels, for their exact types. Get them compiled from ``engine.kernels``.

Tables are the outer loop and rows the inner one, so that a table is used for many rows while it is near. The order of
additions is that of ``numpy_engine``; nothing here may be compiled with fastmath.
"""

# mypy: allow-untyped-defs
# The kernels' types are their signatures.

from __future__ import annotations

import numpy as np
from numba import types
from numba.cpython.unsafe.numbers import trailing_zeros

from decisionloop.predict.scorer.engine import kernel
from decisionloop.predict.scorer.flat import FlatPaths, FlatShapley, FlatTrees

CHUNK = 32768
"""Rows computed together. Larger chunks read the tables less often, smaller ones keep the sums nearer."""

_U1, _U1_2, _U8, _U8_2 = types.uint8[::1], types.uint8[:, ::1], types.uint64[::1], types.uint64[:, ::1]
_I8, _F8, _F8_2 = types.int64[::1], types.float64[::1], types.float64[:, ::1]
TREES = types.NamedTuple((_I8, _I8, _U8_2, _I8, _F8), FlatTrees)
SHAPLEY = types.NamedTuple((_I8, _I8, _U8_2, _I8, _I8, _I8, _I8, _F8), FlatShapley)
PATHS = types.NamedTuple((_I8, _I8, _U1_2, _F8, _F8, _I8, _F8_2, _F8_2), FlatPaths)
"""numba's types of the flat tables, for the signatures of kernels elsewhere."""

COLUMN = types.Array(types.float64, 1, "A", readonly=True)
"""A frame's column: pandas may lend it read-only and with strides."""

_I, _F, _NONE = types.int64, types.float64, types.void


@kernel(_NONE(COLUMN, _F8, types.uint8, _I, _I, _U1))
def bin_numbers(values, edges, missing, start, stop, out):
    """Codes of ``values[start:stop]`` on 256 padded ``edges``, by eight steps without a branch."""
    for i in range(start, stop):
        value = values[i]
        code = 0
        code += 128 * (edges[code + 127] < value)
        code += 64 * (edges[code + 63] < value)
        code += 32 * (edges[code + 31] < value)
        code += 16 * (edges[code + 15] < value)
        code += 8 * (edges[code + 7] < value)
        code += 4 * (edges[code + 3] < value)
        code += 2 * (edges[code + 1] < value)
        code += edges[code] < value
        out[i] = code if value == value else missing


@kernel(_NONE(_F8_2, _F8_2, _U1, types.boolean[::1], _U1_2))
def bin_few(values, edges, missing, is_number, codes):
    """Codes (F, n) of ``values`` (F, n) on padded ``edges`` (F, 256), of the number features alone, in one call."""
    for feature in range(len(values)):
        if is_number[feature]:
            bin_numbers(values[feature], edges[feature], missing[feature], 0, values.shape[1], codes[feature])


@kernel(_NONE(_U1_2, _I, _I, _I, _I, _I8, _U8_2, _U8))
def _and_masks(codes, start, stop, first, last, feature, mask, bits):
    """bits[i] = AND over slots first..last-1 of the masks of row start + i."""
    n = stop - start
    m0, x0 = mask[first], codes[feature[first], start:stop]
    for i in range(n):
        bits[i] = m0[x0[i]]
    slot = first + 1
    while slot + 3 <= last:
        m0, m1, m2 = mask[slot], mask[slot + 1], mask[slot + 2]
        x0, x1, x2 = (
            codes[feature[slot], start:stop],
            codes[feature[slot + 1], start:stop],
            codes[feature[slot + 2], start:stop],
        )
        for i in range(n):
            bits[i] &= m0[x0[i]] & m1[x1[i]] & m2[x2[i]]
        slot += 3
    while slot < last:
        m0, x0 = mask[slot], codes[feature[slot], start:stop]
        for i in range(n):
            bits[i] &= m0[x0[i]]
        slot += 1


@kernel(_NONE(_U1_2, _I, _I, _F, TREES, _F8))
def margins(codes, start, stop, baseline, flat, out):
    """Write the margins of rows start..stop-1 of ``codes`` (F, n) to ``out`` (n,)."""
    bits = np.empty(min(CHUNK, stop - start), np.uint64)
    for begin in range(start, stop, CHUNK):
        end = min(begin + CHUNK, stop)
        total = out[begin:end]
        total[:] = baseline
        for tree in range(len(flat.slot_start) - 1):
            _and_masks(
                codes, begin, end, flat.slot_start[tree], flat.slot_start[tree + 1], flat.feature, flat.mask, bits
            )
            value = flat.value[flat.value_start[tree] : flat.value_start[tree + 1]]
            for i in range(end - begin):
                total[i] += value[trailing_zeros(bits[i])]


@kernel(_NONE(_U1_2, _I, _I, _I, _I, _I8, _U8_2, _U8))
def _sum_steps(codes, start, stop, first, last, feature, step, state):
    """state[i] = sum over slots first..last-1 of the steps of row start + i."""
    n = stop - start
    state[:n] = 0
    slot = first
    while slot + 4 <= last:
        s0, s1, s2, s3 = step[slot], step[slot + 1], step[slot + 2], step[slot + 3]
        x0, x1 = codes[feature[slot], start:stop], codes[feature[slot + 1], start:stop]
        x2, x3 = codes[feature[slot + 2], start:stop], codes[feature[slot + 3], start:stop]
        for i in range(n):
            state[i] += s0[x0[i]] + s1[x1[i]] + s2[x2[i]] + s3[x3[i]]
        slot += 4
    while slot < last:
        s0, x0 = step[slot], codes[feature[slot], start:stop]
        for i in range(n):
            state[i] += s0[x0[i]]
        slot += 1


@kernel(_NONE(_U8, types.uint64, _I, _F8, _I8, types.uint32[::1], _F8_2))
def _add_block(state, shift, n, values, columns, place, share):
    """Add a block's values of each row's state to the features ``columns`` of ``share`` (F, .)."""
    many = len(columns)
    for i in range(n):
        place[i] = ((state[i] >> shift) & np.uint64(0xFFFF)) * np.uint64(many)
    u = 0
    while u + 4 <= many:
        own = values[u:]
        a, b, c, d = share[columns[u]], share[columns[u + 1]], share[columns[u + 2]], share[columns[u + 3]]
        for i in range(n):
            at = place[i]
            a[i] += own[at]
            b[i] += own[at + 1]
            c[i] += own[at + 2]
            d[i] += own[at + 3]
        u += 4
    while u + 2 <= many:
        own = values[u:]
        a, b = share[columns[u]], share[columns[u + 1]]
        for i in range(n):
            at = place[i]
            a[i] += own[at]
            b[i] += own[at + 1]
        u += 2
    if u < many:
        own, a = values[u:], share[columns[u]]
        for i in range(n):
            a[i] += own[place[i]]


@kernel(_NONE(_U1_2, _I, _I, PATHS, _F8_2))
def _add_paths(codes, start, stop, paths, share):
    """Add the values of leaves that have no table: v (o - z) I for each feature."""
    factor, met, integral = np.empty(64), np.empty(64), np.empty(64)
    for path in range(len(paths.value)):
        first, many = paths.start[path], paths.start[path + 1] - paths.start[path]
        for i in range(start, stop):
            integral[:many] = 0.0
            for k in range(many):
                met[k] = paths.met[first + k, codes[paths.feature[first + k], i]]
            for q in range(paths.points[path]):
                t, product = paths.node[path, q], paths.weight[path, q]
                for k in range(many):
                    z = paths.fraction[first + k]
                    factor[k] = t + (1.0 - t) * z if met[k] else (1.0 - t) * z
                    product = product * factor[k]
                for k in range(many):
                    if factor[k] > 0.0:
                        integral[k] += product / factor[k]
            for k in range(many):
                moved = (met[k] - paths.fraction[first + k]) * integral[k]
                share[paths.feature[first + k], i - start] += paths.value[path] * moved


@kernel(_NONE(_U1_2, _I, _I, SHAPLEY, PATHS, _F8_2))
def contributions(codes, start, stop, tables, paths, out):
    """Write the Shapley values of rows start..stop-1 of ``codes`` (F, n) to ``out`` (n, F)."""
    rows = min(CHUNK, stop - start)
    share, state, place = np.empty((len(codes), rows)), np.empty(rows, np.uint64), np.empty(rows, np.uint32)
    for begin in range(start, stop, CHUNK):
        end = min(begin + CHUNK, stop)
        share[:] = 0.0
        for word in range(len(tables.slot_start) - 1):
            first = tables.block_start[word]
            _sum_steps(
                codes,
                begin,
                end,
                tables.slot_start[word],
                tables.slot_start[word + 1],
                tables.feature,
                tables.step,
                state,
            )
            for block in range(first, tables.block_start[word + 1]):
                values = tables.value[tables.value_start[block] : tables.value_start[block + 1]]
                columns = tables.column[tables.column_start[block] : tables.column_start[block + 1]]
                _add_block(state, np.uint64(16 * (block - first)), end - begin, values, columns, place, share)
        _add_paths(codes, begin, end, paths, share)
        for i in range(end - begin):
            for feature in range(len(codes)):
                out[begin + i, feature] = share[feature, i]
