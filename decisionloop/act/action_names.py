"""Actions in stored tables bear their names: an index means nothing once the contract's order has changed."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pyarrow as pa

from decisionloop.contract import UseCase
from decisionloop.predict.arrow_values import codes_of


def actions_by_name(use_case: UseCase, action: np.ndarray) -> pa.DictionaryArray:
    """Actions (n,) by index in contract order as names."""
    return pa.DictionaryArray.from_arrays(pa.array(action.astype(np.int32)), _names(use_case.action_names))


@functools.lru_cache(maxsize=64)
def _names(names: tuple[str, ...]) -> pa.StringArray:
    return pa.array(names)


def actions_by_index(use_case: UseCase, column: pa.ChunkedArray | pa.Array | pd.Series) -> np.ndarray:
    """Named actions (n,) as int64 indices in contract order, -1 where the contract has no such action.

    Tables of earlier versions hold the indices themselves; they are read back under the contract that wrote them.
    """
    if not isinstance(column, pd.Series) and not pa.types.is_integer(column.type):
        return _by_dictionary(use_case, column)
    values = column if isinstance(column, pd.Series) else column.to_pandas()
    if pd.api.types.is_integer_dtype(values.dtype):
        return values.to_numpy(dtype=np.int64)
    return np.asarray(pd.Index(use_case.action_names).get_indexer(pd.Index(values.astype(str))), dtype=np.int64)


def _by_dictionary(use_case: UseCase, column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The same of names in Arrow: each different one is looked up once."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    known = {name: index for index, name in enumerate(use_case.action_names)}
    places = np.array([*(known.get(name, -1) for name in encoded.dictionary.to_pylist()), -1], dtype=np.int64)
    return places[codes_of(encoded)]
