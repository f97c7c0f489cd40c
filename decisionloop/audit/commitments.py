"""Commitments of rows: SHA-256 over a salt and what the row says, the same on every engine.

A row without its salt cannot be found by trying what it might have said, so that a commitment may stay where a person's
row must go.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256, shake_256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SALT_BYTES = 16
SECRET_BYTES = 32
HINT_BYTES = 4
NO_SALT = bytes(SALT_BYTES)


def new_secret() -> bytes:
    """What the salts of a block are made from."""
    return secrets.token_bytes(SECRET_BYTES)


def salts_from(secret: bytes, rows: int) -> bytes:
    """The salts of so many rows, one after the other."""
    return shake_256(secret).digest(SALT_BYTES * rows)


def encoded(rows: pa.Table) -> pa.Array:
    """What each row (n,) says, as text that no other row has: every value as its length, a colon and itself; null as -.

    Whole numbers and booleans are decimal, times microseconds since 1970, and other numbers the decimal of their eight
    bytes read as a whole number, which loses nothing.
    """
    fields = [_with_length(_as_text(rows[name])) for name in rows.column_names]
    return joined(fields) if fields else pa.array([""] * len(rows))


def joined(parts: Sequence[pa.Array]) -> pa.Array:
    """Texts one behind the other, row by row."""
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "")


def leaves_of(texts: pa.Array, salts: bytes) -> list[bytes]:
    """The leaf hashes (n,) of encoded rows: SHA-256 of a zero byte, the salt and the text."""
    said = texts.cast(pa.binary()).to_pylist()
    return [
        sha256(b"\x00" + salts[start : start + SALT_BYTES] + text).digest()
        for start, text in zip(range(0, SALT_BYTES * len(said), SALT_BYTES), said, strict=True)
    ]


def hints_of(leaves: Sequence[bytes]) -> bytes:
    """The first bytes of each leaf, which tell of which row a changed root comes."""
    return b"".join([leaf[:HINT_BYTES] for leaf in leaves])


def first_difference(hints: bytes, others: bytes) -> int | None:
    """The first leaf whose hints differ, or that only one of both has; None where they are equal."""
    if hints == others:
        return None
    many = min(len(hints), len(others)) // HINT_BYTES
    left, right = (np.frombuffer(one, dtype=np.uint32, count=many) for one in (hints, others))
    differing = np.flatnonzero(left != right)
    return int(differing[0]) if len(differing) else many


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int64())
    elif pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    elif pa.types.is_floating(values.type):
        values = values.cast(pa.float64()).view(pa.int64())
    return values.cast(pa.string())


def _with_length(texts: pa.Array) -> pa.Array:
    lengths = pc.binary_length(texts).cast(pa.string())
    return pc.fill_null(pc.binary_join_element_wise(lengths, texts, ":"), "-")
