"""The canonical frame of a few rows, whose columns are known as plain values beside it.

Deciding one row looks at each column a dozen times, and pandas makes a Series each time: that took most of the time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray
from pandas.api.internals import create_dataframe_from_blocks  # type: ignore[import-not-found]
from pandas.arrays import ArrowStringArray

T = TypeVar("T")
Text = str | None
Texts = list[Text]
Columns = Mapping[str, NDArray[np.float64] | Texts]
_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
"""What pandas calls "str"."""


class FewRows(pd.DataFrame):
    """A frame that nobody changes. Everything that pandas makes of it (a copy, some of it) is an ordinary frame.

    What pandas keeps the columns in is made when something of the frame is first asked for that is not known beside it:
    most rows are decided without.
    """

    _metadata = ["_plain", "_known"]  # noqa: RUF012 - pandas' own way to name an attribute that is no column

    @cached_property
    def _mgr(self) -> Any:
        return _ordinary(self.__dict__["_plain"])._mgr

    def __len__(self) -> int:
        return _rows(self.__dict__["_plain"])


def few_rows(columns: Columns) -> FewRows:
    """The frame of number columns (n,), NaN where missing, and of text columns (n,), None where missing."""
    frame: FewRows = object.__new__(FewRows)
    flags = pd.Flags(frame, allows_duplicate_labels=True)  # type: ignore[attr-defined]
    frame.__dict__ |= {"_attrs": {}, "_flags": flags, "_plain": columns, "_known": []}  # two are as pandas begins one
    return frame


def once(frame: pd.DataFrame, about: object, work_out: Callable[[], T]) -> T:
    """What is worked out of a frame ``about`` something; of a few rows only when it is first asked for.

    Nobody may change it. What it is about is told apart by identity.
    """
    if not isinstance(frame, FewRows):
        return work_out()
    known: list[tuple[object, Any]] = frame.__dict__["_known"]
    for one, found in known:
        if one is about:
            return found
    found = work_out()
    known.append((about, found))
    return found


def ordinary_frame(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame | None:
    """An ordinary frame of some columns that shares nothing with ``frame``; None where these are not known beside it.

    To make it anew takes a fifth of what cutting it out of the other does.
    """
    known = plain_columns(frame)
    return None if known is None else _ordinary({name: known[name] for name in names})


def plain_columns(frame: pd.DataFrame) -> Columns | None:
    """All columns, where they are known beside the frame."""
    return frame.__dict__.get("_plain")  # asked so often that `isinstance` would be felt


def plain_numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float64] | None:
    """A number column's values (n,), where they are known beside the frame."""
    found = _plain(frame, name)
    return found if isinstance(found, np.ndarray) else None


def plain_texts(frame: pd.DataFrame, name: str) -> Sequence[Text] | None:
    """A text column's values (n,), where they are known beside the frame."""
    found = _plain(frame, name)
    return found if isinstance(found, list) else None


def column_names(frame: pd.DataFrame) -> list[str]:
    """The names of the columns of any frame."""
    known = plain_columns(frame)
    return frame.columns.tolist() if known is None else [*known]


def text_objects(frame: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """A text column of any frame as objects (n,), NaN where missing."""
    texts = plain_texts(frame, name)
    if texts is None:
        return frame[name].to_numpy(dtype=object)
    return np.array([np.nan if one is None else one for one in texts], dtype=object)


def ids_of(frame: pd.DataFrame, name: str) -> NDArray[np.object_] | ExtensionArray:
    """The ids (n,) of any frame, to be hashed: of many rows as they lie there, not made objects one by one."""
    return frame[name].array if plain_texts(frame, name) is None else text_objects(frame, name)


def _plain(frame: pd.DataFrame, name: str) -> Any:
    known = plain_columns(frame)
    return None if known is None else known.get(name)


def _ordinary(columns: Columns) -> pd.DataFrame:
    """A frame as blocks: all numbers are one, which pandas would make of columns one by one, ten times as long."""
    values = list(columns.values())
    numbers = [place for place, one in enumerate(values) if isinstance(one, np.ndarray)]
    blocks: list[Any] = [
        (_texts(one), np.array([place])) for place, one in enumerate(values) if not isinstance(one, np.ndarray)
    ]
    if numbers:
        blocks.append((np.array([values[place] for place in numbers]), np.array(numbers)))
    index = pd.RangeIndex(_rows(columns))
    frame: pd.DataFrame = create_dataframe_from_blocks(blocks, index=index, columns=_names(tuple(columns)).view())
    return frame


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values()), ()))


@functools.lru_cache(maxsize=64)
def _names(names: tuple[str, ...]) -> pd.Index:
    """Kept, for every frame of a use case has the same; a frame gets a view of its own, whose name it may change."""
    return pd.Index(list(names), dtype="str")


def _texts(values: Texts) -> ArrowStringArray:
    return ArrowStringArray(pa.chunked_array([pa.array(values, pa.large_string())]), dtype=_TEXT)  # type: ignore[call-arg]
