"""Stable 64-bit hashes of entity ids: the same on every machine and in every run, for draws and for ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from decisionloop.errors import UsageError
from decisionloop.predict.scorer.engine import hash_kernels, resolve_engine

Ids = Sequence[str] | np.ndarray | pd.Series | ExtensionArray
"""Entity ids (n,), as text; many are hashed ten times sooner where they are text of Arrow, as a frame's column is."""


def instant(as_of: datetime) -> str:
    """``as_of`` as text, in UTC to the microsecond. Raises UsageError when it has no time zone."""
    if as_of.tzinfo is None:
        raise UsageError(f"as-of {as_of} has no time zone. Give it in UTC.")
    return as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stable_hash(entity_ids: Ids, context: Sequence[str]) -> NDArray[np.uint64]:
    """Hash each id under a key derived from ``context``; uint64 (n,), independent between contexts.

    SipHash-2-4 (Aumasson and Bernstein 2012) with a key from BLAKE2b, then the finaliser of splitmix64
    (Steele et al. 2014), both as pandas has them.
    """
    key = hashlib.blake2b(json.dumps(list(context)).encode(), digest_size=8).hexdigest()
    texts = _texts_of_arrow(entity_ids)
    if texts is not None:
        return _hashed(texts, key.encode())
    hashed: NDArray[np.uint64] = pd.util.hash_array(
        np.asarray(entity_ids, dtype=object), hash_key=key, categorize=False
    )
    return hashed


def _texts_of_arrow(entity_ids: Ids) -> pa.LargeStringArray | None:
    """Many ids, all of them known, that lie in Arrow's memory; None of any others, and of none at all."""
    array = entity_ids.array if isinstance(entity_ids, pd.Series) else entity_ids
    if not isinstance(array, ExtensionArray) or not isinstance(array.dtype, pd.StringDtype):
        return None
    if not len(array) or resolve_engine("auto", len(array)) != "numba":
        return None
    texts = pa.array(array, pa.large_string())
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks) if texts.num_chunks != 1 else texts.chunk(0)
    return None if texts.null_count else texts


def _hashed(texts: pa.LargeStringArray, key: bytes) -> NDArray[np.uint64]:
    first, second = np.frombuffer(key, dtype="<u8")
    _, starts, data = texts.buffers()
    place = np.frombuffer(starts, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    hashed = np.empty(len(texts), dtype=np.uint64)
    hash_kernels().hash_texts(np.frombuffer(data or b"", dtype=np.uint8), place, first, second, hashed)
    return hashed
