"""One way in which ids and categories become text, so that two tables that mean the same entity agree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def as_text(values: pd.Series) -> pd.Series:
    """``values`` as ``str``, index kept; missing stays missing, and what is empty is missing too.

    Text stays as it is written: "007", "7.0", "NA" and " x ". A number 7 or 7.0 becomes "7", a truth value "true" or
    "false".
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if not isinstance(values.dtype, pd.StringDtype):
        is_whole = pd.api.types.is_integer_dtype(values.dtype)
        text = values if is_whole else values.astype(object).map(_text_of, na_action="ignore")
        # A missing value of a nullable dtype is written out by some conversions.
        text = text.astype("str").where(values.notna())
    else:
        text = values.astype("str")
    is_empty = text == ""
    if is_empty.any():
        text = text.where(~is_empty).astype("str")
    text.name = values.name
    return text


def _text_of(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))  # str() would write large ones as 1e+17
    return value if isinstance(value, str) else _whole(str(value))


def _whole(text: str) -> str:
    """A decimal that is whole, without its zero: 7.0 is 7."""
    return text.removesuffix(".0") if text.removesuffix(".0").lstrip("-").isdigit() else text


def has_nul(texts: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a text (string or large_string) contains NUL, which no ledger can keep.

    The bytes are searched first, which is a hundred times cheaper.
    """
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return any(_may_hold_nul(one) and pc.any(pc.match_substring(one, "\0")).as_py() for one in chunks)


def _may_hold_nul(texts: pa.Array) -> bool:
    _, offsets, characters = texts.buffers()
    if characters is None or not len(texts):
        return False
    places = np.frombuffer(offsets, np.int64 if pa.types.is_large_string(texts.type) else np.int32)
    first, last = places[texts.offset], places[texts.offset + len(texts)]
    return not np.frombuffer(characters, np.uint8)[first:last].all()
