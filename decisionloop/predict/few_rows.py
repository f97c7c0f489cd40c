"""The canonical frame of a few rows, whose columns are known as plain values beside it.

Deciding one row looks at each column a dozen times, and pandas makes a Series each time: that took most of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.arrays import ArrowStringArray

Text = str | None
Texts = list[Text]
_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
"""What pandas calls "str"."""


class FewRows(pd.DataFrame):
    """A frame that nobody changes. Everything that pandas makes of it (a copy, some of it) is an ordinary frame."""

    _metadata = ["_plain"]  # noqa: RUF012 - pandas' own way to name an attribute that is no column


def few_rows(columns: Mapping[str, NDArray[np.float64] | Texts]) -> FewRows:
    """The frame of number columns (n,), NaN where missing, and of text columns (n,), None where missing."""
    frame = FewRows({name: _column(values) for name, values in columns.items()})
    object.__setattr__(frame, "_plain", columns)
    return frame


def plain_numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64] | None:
    """A number column's values (n,), where they are known beside the frame."""
    found = _plain(frame, name)
    return found if isinstance(found, np.ndarray) else None


def plain_texts(frame: pd.DataFrame, name: str) -> Sequence[Text] | None:
    """A text column's values (n,), where they are known beside the frame."""
    found = _plain(frame, name)
    return found if isinstance(found, list) else None


def _plain(frame: pd.DataFrame, name: str) -> Any:
    known: Mapping[str, Any] | None = frame.__dict__.get("_plain") if isinstance(frame, FewRows) else None
    return None if known is None else known.get(name)


def _column(values: NDArray[np.float64] | Texts) -> NDArray[np.float64] | ArrowStringArray:
    if isinstance(values, np.ndarray):
        return values
    return ArrowStringArray(pa.chunked_array([pa.array(values, pa.large_string())]), dtype=_TEXT)  # type: ignore[call-arg]
