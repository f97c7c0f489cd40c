"""One row in compiled code: values to codes, codes to a margin, codes to contributions.

Needs numba; get the kernels compiled from `engine.row_kernels`. Additions are in the order of the batch
engines, so that results are theirs to the last bit. Tables are passed read-only (`online_tables.frozen`).
"""

# mypy: allow-untyped-defs
# The kernels' types are their signatures.

from __future__ import annotations

import numpy as np
from numba import types

from decisionloop.predict.scorer.engine import kernel


def _table(item: types.Type, dimensions: int = 1) -> types.Array:
    return types.Array(item, dimensions, "C", readonly=True)


_f8, _i8, _u8, _u1 = _table(types.float64), _table(types.int64), _table(types.uint64), _table(types.uint8)
_codes = types.uint8[::1]
_bins = (_i8, _table(types.float64, 2), _u1, _table(types.boolean))
_by_code = (_i8, _i8, _i8, _u8)
_trees = [
    (types.float64, _i8, _i8, _table(word, 2), _i8, _f8) for word in (types.uint32, types.uint64)
]  # `online_tables.RowTrees`

# Position of the only bit of a 64-bit word, by the top six bits of its product with a de Bruijn sequence.
_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(64, dtype=np.int64)
for _bit in range(64):
    _POSITION[((int(_SEQUENCE) << _bit) & (2**64 - 1)) >> 58] = _bit


@kernel(types.void(_f8, *_bins, _codes))
def encode_row(values, order, edges, missing, is_number, codes):
    """Write the codes of one row: ``values[i]`` is of feature ``order[i]``, a number or a category's code."""
    for place in range(order.size):
        feature, value = order[place], values[place]
        if not is_number[feature]:
            codes[feature] = np.uint8(value)
        elif value != value:
            codes[feature] = missing[feature]
        else:
            row, below, step = edges[feature], 0, 128
            while step > 0:
                below += step * (row[below + step - 1] < value)
                step >>= 1
            codes[feature] = below


@kernel(*(types.float64(_codes, *trees) for trees in _trees))
def trees_margin(codes, baseline, used, offset, word, value_start, value):
    """The margin of one coded row over boosted trees, one at least."""
    trees = value_start.size - 1
    leaves = word[offset[0] + codes[used[0]]].copy()
    for place in range(1, used.size):
        row = word[offset[place] + codes[used[place]]]
        for tree in range(trees):
            leaves[tree] &= row[tree]
    total = baseline
    for tree in range(trees):
        total += value[value_start[tree] + _POSITION[(np.uint64(leaves[tree]) * _SEQUENCE) >> np.uint64(58)]]
    return total


@kernel(*(types.float64(_f8, *_bins, *trees) for trees in _trees))
def trees_score(values, order, edges, missing, is_number, baseline, used, offset, word, value_start, value):
    """`encode_row` and `trees_margin` in one call."""
    codes = np.empty(order.size, dtype=np.uint8)
    encode_row(values, order, edges, missing, is_number, codes)
    return trees_margin(codes, baseline, used, offset, word, value_start, value)


@kernel(types.void(_codes, *_by_code, types.int64, _i8, _i8, _i8, _i8, _f8, types.float64[::1]))
def trees_contributions(
    codes, first, start, target, word, words, block_start, column_start, column, value_start, value, out
):
    """Write the Shapley values of one coded row over boosted trees to ``out`` (F,)."""
    states = np.zeros(words, dtype=np.uint64)
    for feature in range(codes.size):
        low, slots = first[feature], first[feature + 1] - first[feature]
        at = start[feature] + codes[feature] * slots
        for slot in range(slots):
            states[target[low + slot]] += word[at + slot]
    out[:] = 0.0
    for number in range(words):
        state = states[number]
        for block in range(block_start[number], block_start[number + 1]):
            low, high = column_start[block], column_start[block + 1]
            at = value_start[block] + (high - low) * np.int64(state & np.uint64(0xFFFF))
            for place in range(high - low):
                out[column[low + place]] += value[at + place]
            state >>= np.uint64(16)
