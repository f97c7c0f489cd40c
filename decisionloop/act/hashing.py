"""Stable 64-bit hashes of entity ids: the same on every machine and in every run, for draws and for ids."""

from __future__ import annotations

import functools
import hashlib
import itertools
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

FEW = 64
"""Of so many ids or fewer the texts are gone through one by one."""
_Texts = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Texts (n,) in UTF-8, one behind the other, and where each begins, with the end of the last (n + 1,)."""


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
        return _hashed(*_of_arrow(texts), key.encode())
    few = _few_texts(entity_ids)
    if few is not None:
        return _hashed(*_of_few(few), key.encode())
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


def _few_texts(entity_ids: Ids) -> tuple[str, ...] | None:
    """A few ids, all of them texts, where the compiled hash is loaded: pandas takes five times as long to begin."""
    if not isinstance(entity_ids, np.ndarray) or not 0 < len(entity_ids) <= FEW:
        return None
    texts = tuple(entity_ids.tolist())
    is_text = all(type(one) is str for one in texts)
    return texts if is_text and resolve_engine("auto", len(texts)) == "numba" else None


def _of_arrow(texts: pa.LargeStringArray) -> _Texts:
    _, starts, data = texts.buffers()
    place = np.frombuffer(starts, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data or b"", dtype=np.uint8), place


@functools.lru_cache(maxsize=2)
def _of_few(texts: tuple[str, ...]) -> _Texts:
    """Kept: the same ids are hashed for one draw after another."""
    encoded = [one.encode() for one in texts]
    place = np.array([0, *itertools.accumulate(map(len, encoded))], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), place


def _hashed(data: NDArray[np.uint8], place: NDArray[np.int64], key: bytes) -> NDArray[np.uint64]:
    first, second = np.frombuffer(key, dtype="<u8")
    hashed = np.empty(len(place) - 1, dtype=np.uint64)
    hash_kernels().hash_texts(data, place, first, second, hashed)
    return hashed
