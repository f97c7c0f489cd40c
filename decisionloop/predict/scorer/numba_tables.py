"""The numba engine's derivation of tables: masks from a file's splits, and Shapley tables from masks.

Get them compiled from ``engine.table_kernels``. ``trees`` and ``shapley`` hold the same in numpy,
and say what is computed.
"""

# mypy: allow-untyped-defs
# The kernels' types are their signatures.

from __future__ import annotations

import numpy as np
from numba import types

from decisionloop.predict.scorer.engine import kernel
from decisionloop.predict.scorer.numba_kernels import TREES

_F8, _F8_2, _I8, _I8_2 = types.float64[::1], types.float64[:, ::1], types.int64[::1], types.int64[:, ::1]
_U8, _U8_2, _I = types.uint64[::1], types.uint64[:, ::1], types.int64
_FILE = types.Array(types.uint8, 1, "C", readonly=True)
_MANY_STATES = 1 << 40


@kernel(types.void(_FILE, _FILE, _I8, _I8))
def place(leaves, shape, first, last):
    """Write the first leaf, and the last leaf + 1, below each split."""
    i = 0
    for tree in range(len(leaves)):
        first[i], last[i] = 0, leaves[tree]
        for _ in range(leaves[tree] - 1):
            left = np.int64(shape[i] & 0x3F)
            middle = first[i] + left
            if left > 1:
                first[i + 1], last[i + 1] = first[i], middle
            if last[i] - middle > 1:
                first[i + left], last[i + left] = middle, last[i]
            i += 1


@kernel(types.uint64(_I, _I))
def _bits(start, stop):
    """The mask of leaves start..stop-1."""
    below = ~np.uint64(0) if stop >= 64 else (np.uint64(1) << np.uint64(stop)) - np.uint64(1)
    return below & ~((np.uint64(1) << np.uint64(start)) - np.uint64(1))


@kernel(types.void(_FILE, _I8, _FILE, _FILE, _I8, _I8, _I8, _I8, _I8, _U8_2))
def fill_masks(shape, feature, threshold, left, sizes, slot, first, last, leaves, mask):
    """AND every split's condition into the mask of its slot; ``leaves`` (S,): leaves of the split's tree."""
    mask[:] = ~np.uint64(0)
    at = 0
    for i in range(len(shape)):
        size, row = sizes[feature[i]], mask[slot[i]]
        middle, whole = first[i] + (shape[i] & 0x3F), _bits(0, leaves[i])
        to_left, to_right = whole & ~_bits(middle, last[i]), whole & ~_bits(first[i], middle)
        if shape[i] & 0x40:
            for code in range(size - 1):
                row[code] &= to_left if left[at + (code >> 3)] >> (code & 7) & 1 else to_right
            at += (size + 7) >> 3
        else:
            border = min(np.int64(threshold[i]) + 1, size - 1)
            for code in range(border):
                row[code] &= to_left
            for code in range(border, size - 1):
                row[code] &= to_right
        missing = to_left if shape[i] & 0x80 else to_right
        for code in range(size - 1, 256):
            row[code] &= missing


@kernel(_I(_U8, _I, types.uint64, _U8))
def _kinds(masks, count, bits, out):
    """Write the different masks among ``masks[:count] & bits``, ascending; returns how many there are."""
    many = 0
    for i in range(count):
        mask = masks[i] & bits
        k = many
        while k > 0 and out[k - 1] > mask:
            k -= 1
        if k > 0 and out[k - 1] == mask:
            continue
        for j in range(many, k, -1):
            out[j] = out[j - 1]
        out[k] = mask
        many += 1
    return many


@kernel(types.UniTuple(_I, 2)(_U8_2, _I8, _F8_2, _I, _I, _U8))
def _measure(kinds, count, fraction, start, stop, scratch):
    """How many states leaves start..stop-1 have, and how many slots they look at."""
    bits, states, used = _bits(start, stop), 1, 0
    for slot in range(len(count)):
        many = _kinds(kinds[slot], count[slot], bits, scratch)
        states = min(states * many, _MANY_STATES)
        is_used = many > 1 or scratch[0] != bits
        for leaf in range(start, stop):
            is_used |= fraction[slot, leaf] != 1.0
        used += is_used
    return states, used


@kernel(_I(TREES, _F8_2, _I, _I8_2))
def cut_blocks(flat, fraction, limit, blocks):
    """Write (tree, start, stop, states, U) of each block to ``blocks`` (L, 5); returns how many there are."""
    scratch, found = np.empty(256, np.uint64), 0
    for tree in range(len(flat.slot_start) - 1):
        begin, end = flat.slot_start[tree], flat.slot_start[tree + 1]
        kinds, count = np.empty((end - begin, 256), np.uint64), np.empty(end - begin, np.int64)
        for slot in range(end - begin):
            count[slot] = _kinds(flat.mask[begin + slot], 256, ~np.uint64(0), kinds[slot])
        start, leaves = 0, flat.value_start[tree + 1] - flat.value_start[tree]
        while start < leaves:
            stop = start + 1
            states, used = _measure(kinds, count, fraction[begin:end], start, stop, scratch)
            while stop < leaves:
                more, wider = _measure(kinds, count, fraction[begin:end], start, stop + 1, scratch)
                if more > limit:
                    break
                stop, states, used = stop + 1, more, wider
            if used:
                row = blocks[found]
                row[0], row[1], row[2], row[3], row[4] = tree, start, stop, states, used
                found += 1
            start = stop
    return found


@kernel(types.void(_F8, _I, _F8, _F8, _I, types.float64, _F8, _F8))
def _leaf_table(fraction, d, node, weight, count, value, product, table):
    """Write the Shapley values (2^d, d), flat, of one leaf; ``shapley.leaf_table`` has the formula."""
    size = 1 << d
    table[: size * d] = 0.0
    for q in range(count):
        t = node[q]
        product[0] = weight[q]
        for k in range(d):
            z = fraction[k]
            absent, met = (1.0 - t) * z, t + (1.0 - t) * z
            for p in range(1 << k):
                product[(1 << k) + p] = product[p] * met
                product[p] = product[p] * absent
        for k in range(d):
            met, bit = t + (1.0 - t) * fraction[k], 1 << k
            for p in range(size):
                table[p * d + k] += product[p | bit] / met
    for p in range(size):
        for k in range(d):
            table[p * d + k] = value * (((p >> k & 1) - fraction[k]) * table[p * d + k])


@kernel(types.void(_I8, _U8_2, _F8_2, _F8, _I, _F8_2, _F8_2, _F8_2))
def _fill_block(sizes, kinds, fraction, value, start, node, weight, out):
    """Add to ``out`` (N, U) the Shapley values of each state, for B leaves of ``fraction`` (U, B), ``value`` (B,)."""
    many, states = out.shape[1], out.shape[0]
    pattern, own, shares = np.empty(states, np.int64), np.empty(many, np.int64), np.empty(many)
    table, product = np.empty(states * many), np.empty(states)
    for leaf in range(len(value)):
        bit, d, filled = np.uint64(start + leaf), 0, 1
        pattern[0] = 0
        for u in range(many):
            is_own = fraction[u, leaf] != 1.0
            for kind in range(sizes[u]):
                is_own |= (kinds[u, kind] >> bit) & np.uint64(1) == 0
            for kind in range(sizes[u] - 1, -1, -1):
                met = np.int64((kinds[u, kind] >> bit) & np.uint64(1)) << d if is_own else 0
                for p in range(filled):
                    pattern[kind * filled + p] = pattern[p] | met
            filled *= sizes[u]
            if is_own:
                own[d], shares[d] = u, fraction[u, leaf]
                d += 1
        if (d << d) > len(table):
            table, product = np.empty(d << d), np.empty(1 << d)
        _leaf_table(shares, d, node[(d + 1) // 2], weight[(d + 1) // 2], (d + 1) // 2, value[leaf], product, table)
        for p in range(states):
            at = pattern[p] * d
            for k in range(d):
                out[p, own[k]] += table[at + k]


@kernel(types.void(TREES, _F8_2, _I8_2, _I8, _I8, _F8_2, _F8_2, _I8, _F8, _U8_2))
def fill_blocks(flat, fraction, blocks, step_row, value_start, node, weight, column, value, step):
    """Write ``column``, ``value`` and the steps of ``blocks`` (B, 6), whose last column is the place in the word.

    ``step_row`` (B,): where the rows of the word's tree begin in ``step``, one for each slot of the tree.
    """
    kinds, sizes, at = np.empty((256, 256), np.uint64), np.empty(256, np.int64), 0
    for b in range(len(blocks)):
        tree, start, stop, shift = blocks[b, 0], blocks[b, 1], blocks[b, 2], np.uint64(16 * blocks[b, 5])
        begin, bits, stride, used = flat.slot_start[tree], _bits(start, stop), 1, 0
        shares = np.empty((blocks[b, 4], stop - start))
        for slot in range(begin, flat.slot_start[tree + 1]):
            size = _kinds(flat.mask[slot], 256, bits, kinds[used])
            is_used = size > 1 or kinds[used, 0] != bits
            for leaf in range(start, stop):
                is_used |= fraction[slot, leaf] != 1.0
            if not is_used:
                continue
            row = step[step_row[b] + slot - begin]
            for code in range(256):
                mask, kind = flat.mask[slot, code] & bits, 0
                while kinds[used, kind] != mask:
                    kind += 1
                row[code] += np.uint64(kind * stride) << shift
            shares[used] = fraction[slot, start:stop]
            column[at], sizes[used] = flat.feature[slot], size
            stride, used, at = stride * size, used + 1, at + 1
        first = flat.value_start[tree]
        out = value[value_start[b] : value_start[b + 1]].reshape((blocks[b, 3], used))
        _fill_block(sizes, kinds, shares, flat.value[first + start : first + stop], start, node, weight, out)
