"""Merkle trees as RFC 9162 hashes them: a root for many leaves, and the few hashes that prove one of them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root (32 bytes) over leaf hashes, in their order; of none it is the hash of nothing."""
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0] if level else EMPTY_ROOT


def path_of(leaves: Sequence[bytes], leaf: int) -> list[bytes]:
    """The siblings on the way from a leaf (counted from 0) up to the root."""
    level, path = list(leaves), []
    while len(level) > 1:
        sibling = leaf ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, leaf = _parents(level), leaf // 2
    return path


def root_by_path(leaf_hash: bytes, leaf: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a path leads to from a leaf of a tree of so many; b"" where the path has another length."""
    found, rest = leaf_hash, list(path)
    while size > 1:
        if leaf ^ 1 < size:
            if not rest:
                return b""
            sibling = rest.pop(0)
            pair = sibling + found if leaf & 1 else found + sibling
            found = sha256(b"\x01" + pair).digest()
        leaf, size = leaf // 2, (size + 1) // 2
    return b"" if rest else found


def _parents(level: Sequence[bytes]) -> list[bytes]:
    """The level above; a last one without a sibling goes up as it is, which is what splitting at powers of two does."""
    above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*above, level[-1]] if len(level) % 2 else above
