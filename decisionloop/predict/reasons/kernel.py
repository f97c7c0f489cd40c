"""Reason codes in compiled code: one pass over the contributions writes the text straight into Arrow's buffers.

Needs numba; get it compiled from `engine.reason_kernels`. `reasons.ReasonWriter` is the reference, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import types
from numpy.typing import NDArray

from decisionloop.predict.scorer.engine import kernel

LARGEST = 1e9
"""Sums from here on are left to the reference: Arrow writes larger numbers with an exponent."""

UNIT = 10_000
"""A size in whole units: ``10 ** reasons.DIGITS``."""

_DIGITS = 10  # of the whole part of what rounds up to LARGEST
_MOST_BYTES = 2**31 - 1  # Arrow's offsets are 32 bits

_matrix = types.Array(types.float64, 2, "A", readonly=True)
_ids = types.Array(types.int64, 1, "C", readonly=True)
_bytes = types.Array(types.uint8, 1, "C", readonly=True)
_sums, _ranks = types.float64[::1], types.int64[::1]


@dataclass(frozen=True, eq=False)
class ReasonKernel:
    """What the kernel needs of a `reasons.ReasonWriter`: ``group`` (F,) of each feature, and texts as bytes."""

    group: NDArray[np.int64]
    openings: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ending: NDArray[np.uint8]
    count: int

    @classmethod
    def of(cls, groups: Sequence[Sequence[int]], openings: Sequence[str], ending: str, count: int) -> ReasonKernel:
        """Lay out groups and texts as arrays."""
        group = np.empty(len(openings), dtype=np.int64)
        for number, members in enumerate(groups):
            group[list(members)] = number
        encoded = [opening.encode() for opening in openings]
        return cls(
            group=group,
            openings=np.frombuffer(b"".join(encoded), dtype=np.uint8),
            starts=np.cumsum([0, *map(len, encoded)], dtype=np.int64),
            ending=np.frombuffer(ending.encode(), dtype=np.uint8),
            count=max(0, min(count, len(groups))),
        )

    @property
    def widest(self) -> int:
        """No row's text is longer, in bytes."""
        sign_point_comma, decimals = 3, len(str(UNIT)) - 1
        opening = int(np.diff(self.starts).max(initial=0))
        return 2 + self.count * (opening + len(self.ending) + sign_point_comma + _DIGITS + decimals)

    def write(self, values: NDArray[np.float64]) -> pa.StringArray | None:
        """The texts of ``values`` (n, F); None where a sum is not finite or too large for this engine.

        The memory is that of the longest possible texts, of which only what is written is ever touched.
        """
        rows = len(values)
        offsets = np.empty(rows + 1, dtype=np.int32)
        text = np.empty(min(rows * self.widest, _MOST_BYTES), dtype=np.uint8)
        used = write_rows(
            values, self.group, self.openings, self.starts, self.ending, self.count, self.widest, text, offsets
        )
        if used < 0:
            return None
        text.resize(used, refcheck=False)
        return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))


@kernel(types.int64(types.int64, types.uint8[::1], types.int64))
def _write_size(units: int, text: np.ndarray, at: int) -> int:
    """Write ``units`` / UNIT as Arrow would, without zeros at its end; returns where it ends."""
    if units < 0:
        text[at] = 45
        at += 1
        units = -units
    whole, part = units // UNIT, units % UNIT
    digits, rest = 1, whole // 10
    while rest > 0:
        digits += 1
        rest //= 10
    for place in range(at + digits - 1, at - 1, -1):
        text[place] = 48 + whole % 10
        whole //= 10
    at += digits
    if part > 0:
        text[at] = 46
        at += 1
        unit = UNIT // 10
        while part > 0:
            text[at] = 48 + part // unit
            at += 1
            part %= unit
            unit //= 10
    return at


@kernel(types.int64(_matrix, types.int64, _ids, types.int64, _sums, _ranks, _sums))
def _rank(
    values: np.ndarray,
    row: int,
    group: np.ndarray,
    count: int,
    sums: np.ndarray,
    best: np.ndarray,
    sizes: np.ndarray,
) -> int:
    """Put the largest reasons of a row, in units, into ``best`` and ``sizes``; returns how many, -1 for too large."""
    sums[:] = 0.0
    for feature in range(group.size):
        sums[group[feature]] += values[row, feature]
    found = 0
    for reason in range(group.size):
        if not abs(sums[reason]) < LARGEST:
            return -1
        size = np.rint(sums[reason] * UNIT)
        if size == 0.0 or count == 0 or (found == count and abs(size) <= abs(sizes[count - 1])):
            continue
        place = min(found, count - 1)
        while place > 0 and abs(sizes[place - 1]) < abs(size):
            sizes[place] = sizes[place - 1]
            best[place] = best[place - 1]
            place -= 1
        sizes[place] = size
        best[place] = reason
        found = min(found + 1, count)
    return found


@kernel(types.int64(_matrix, types.int64, _ids, types.int64, types.boolean))
def _leader(values: np.ndarray, row: int, group: np.ndarray, reason: int, is_raising: bool) -> int:
    """The member of a group that moved the score most in the group's direction; the first of equals."""
    leader, most = -1, 0.0
    for feature in range(group.size):
        if group[feature] == reason:
            away = values[row, feature] if is_raising else -values[row, feature]
            if leader < 0 or away > most:
                leader, most = feature, away
    return leader


@kernel(types.int64(_matrix, _ids, _bytes, _ids, _bytes, types.int64, types.int64, types.uint8[::1], types.int32[::1]))
def write_rows(
    values: np.ndarray,
    group: np.ndarray,
    openings: np.ndarray,
    starts: np.ndarray,
    ending: np.ndarray,
    count: int,
    widest: int,
    text: np.ndarray,
    offsets: np.ndarray,
) -> int:
    """Fill ``text`` and ``offsets``; returns the bytes written, or -1 for a sum too large or text without room."""
    sums = np.empty(group.size)
    best = np.empty(count + 1, dtype=np.int64)
    sizes = np.zeros(count + 1)
    at = 0
    offsets[0] = 0
    for row in range(len(values)):
        found = _rank(values, row, group, count, sums, best, sizes)
        if found < 0 or at + widest > text.size:
            return -1
        text[at] = 91
        at += 1
        for rank in range(found):
            if rank > 0:
                text[at] = 44
                at += 1
            leader = _leader(values, row, group, best[rank], sizes[rank] > 0)
            for place in range(starts[leader], starts[leader + 1]):
                text[at] = openings[place]
                at += 1
            at = _write_size(int(sizes[rank]), text, at)
            for place in range(ending.size):
                text[at] = ending[place]
                at += 1
        text[at] = 93
        at += 1
        offsets[row + 1] = at
    return at
