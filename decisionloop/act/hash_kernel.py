"""SipHash-2-4 of texts in compiled code, straight from Arrow's buffers: no text becomes an object of Python.

Needs numba; get it compiled from `engine.hash_kernels`. `hashing.stable_hash` on objects is the reference, to the bit.
"""

# mypy: allow-untyped-defs
# The kernels' types are their signatures.

from __future__ import annotations

import numpy as np
from numba import types

from decisionloop.predict.scorer.engine import kernel

_bytes = types.Array(types.uint8, 1, "C", readonly=True)
_starts = types.Array(types.int64, 1, "C", readonly=True)
_word = types.uint64


@kernel(_word(_word, types.int64))
def turned(word, by):
    """The bits of a word turned to the left."""
    return (word << np.uint64(by)) | (word >> np.uint64(64 - by))


@kernel(types.UniTuple(_word, 4)(_word, _word, _word, _word))
def mixed(a, b, c, d):
    """One round of SipHash."""
    a += b
    b = turned(b, 13) ^ a
    a = turned(a, 32)
    c += d
    d = turned(d, 16) ^ c
    a += d
    d = turned(d, 21) ^ a
    c += b
    b = turned(b, 17) ^ c
    c = turned(c, 32)
    return a, b, c, d


@kernel(_word(_bytes, types.int64, types.int64, _word, _word))
def hash_text(data, start, stop, first, second):
    """SipHash-2-4 of ``data[start:stop]``."""
    a = first ^ np.uint64(0x736F6D6570736575)
    b = second ^ np.uint64(0x646F72616E646F6D)
    c = first ^ np.uint64(0x6C7967656E657261)
    d = second ^ np.uint64(0x7465646279746573)
    place = start
    while True:
        word, many = np.uint64(0), min(8, stop - place)
        for i in range(many):
            word |= np.uint64(data[place + i]) << np.uint64(8 * i)
        if many < 8:
            word |= np.uint64((stop - start) & 0xFF) << np.uint64(56)
        d ^= word
        a, b, c, d = mixed(a, b, c, d)
        a, b, c, d = mixed(a, b, c, d)
        a ^= word
        place += 8
        if many < 8:
            break
    c ^= np.uint64(0xFF)
    for _ in range(4):
        a, b, c, d = mixed(a, b, c, d)
    return a ^ b ^ c ^ d


@kernel(types.void(_bytes, _starts, _word, _word, types.uint64[::1]))
def hash_texts(data, starts, first, second, hashed):
    """The hash of every text, with the finaliser of splitmix64."""
    for row in range(len(hashed)):
        word = hash_text(data, starts[row], starts[row + 1], first, second)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashed[row] = word ^ (word >> np.uint64(31))
