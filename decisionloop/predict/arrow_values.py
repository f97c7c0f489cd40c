"""Arrow columns as Python's and numpy's values. Arrow itself takes ten times as long where texts are encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FEW = 64
"""So many texts are looked at one by one sooner than Arrow begins."""


def values_of(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values (n,), None where there is none: `to_pylist`, but encoded texts are looked up one by one."""
    whole = _whole(column)
    if not pa.types.is_dictionary(whole.type):
        return list(whole.to_pylist())
    words = [*whole.dictionary.to_pylist(), None]
    return [words[-1 if code is None else code] for code in whole.indices.to_pylist()]


def texts_of(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Texts as objects (n,), None where there is none; each different encoded one is made once."""
    whole = _whole(column)
    if not pa.types.is_dictionary(whole.type):
        return whole.cast(pa.string()).to_numpy(zero_copy_only=False)
    words = np.empty(len(whole.dictionary) + 1, dtype=object)
    words[:-1], words[-1] = whole.dictionary.to_pylist(), None
    return words[codes_of(whole)]


def encoded_texts(texts: npt.NDArray[np.object_]) -> pa.DictionaryArray:
    """Texts (n,), missing ones too, each different one once, in the order in which they come."""
    if len(texts) > FEW:
        return pa.array(texts, pa.string(), from_pandas=True).dictionary_encode()
    told = [None if one is None or one != one else one for one in texts.tolist()]
    different = list(dict.fromkeys(one for one in told if one is not None))
    place = {one: code for code, one in enumerate(different)} | {None: None}
    codes = pa.array([place[one] for one in told], pa.int32())
    return pa.DictionaryArray.from_arrays(codes, pa.array(different, pa.string()))


def codes_of(encoded: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    """The place (n,) of each value in the dictionary; one behind its end where there is none."""
    codes = encoded.indices
    if codes.null_count:
        codes = pc.fill_null(codes.cast(pa.int64()), len(encoded.dictionary))
    return codes.to_numpy(zero_copy_only=False).astype(np.int64)


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
