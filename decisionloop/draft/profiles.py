"""What the columns of a table hold: numbers, codes, truth values, times, ids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.draft.spreadsheet import says_nearly
from decisionloop.draft.table import Table
from decisionloop.sources.cells import MISSING, Cells, are_nearly_all, inferred, inferred_but_few, without_missing

Kind = Literal["empty", "time", "boolean", "integer", "number", "category", "text"]
MOST_CATEGORIES = 200
"""Text of more kinds than this is an id or free text, and no category."""
_FEW_KINDS = 10
"""So many kinds are categories of a small table as well, if each comes three times."""
_WORDS = (("yes", "no"), ("true", "false"))
_TRUTHS = {"true", "false", "yes", "no", "t", "f", "y", "n"}
_HEAD = 100
_BINARY = {"0", "1", "0.0", "1.0"}
_FEW_ODD = 0.2
"""Where more cells than this share say neither yes nor no the column is no such one, and no cell of it is to blame."""
YES = ("1", "1.0", "true", "yes", "t", "y")
"""What says yes in a column that says yes or no, in small letters."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column as text: what it holds, its values, and how many cells are missing.

    ``values``: the different ones, the most frequent first. ``numbers``: as numbers, NaN where missing, of numeric
    columns. ``wording``: what people call it.
    """

    name: str
    kind: Kind
    text: pd.Series
    values: tuple[str, ...]
    missing: int
    numbers: pd.Series | None = None
    wording: str = ""
    slips: tuple[str, ...] = ()
    """Cells of a column of numbers, times, or yes and no that are none, as they are written."""

    @cached_property
    def says(self) -> npt.NDArray[np.bool_]:
        """Whether each cell (n,) is neither missing nor 0; asked for by every column that may be the outcome."""
        if self.numbers is not None:
            return (self.numbers.fillna(0.0) != 0).to_numpy(dtype=bool)
        return (self.text.notna() & (self.text.str.strip() != "")).to_numpy(dtype=bool)

    @cached_property
    def says_in_each_row(self) -> bool:
        """Whether no cell is missing or 0."""
        return bool(self.says.all())

    @property
    def is_binary(self) -> bool:
        """Whether it says yes or no."""
        return self.kind == "boolean" or (self.kind == "integer" and set(self.values) <= _BINARY)

    @property
    def is_nearly_whole(self) -> bool:
        """Whether it says something in every row, or in all but few."""
        return not self.missing or are_nearly_all(pd.Series(np.arange(len(self.text)) >= self.missing))

    @property
    def is_constant(self) -> bool:
        """Whether it says the same of everybody."""
        return len(self.values) < 2

    @property
    def times(self) -> pd.Series:
        """Its cells as UTC times, NaT where missing."""
        return pd.to_datetime(without_missing(self.text), utc=True, errors="coerce", format="ISO8601")


def profiles(table: Table) -> dict[str, Column]:
    """What each column of a table of text holds, by name."""
    columns = (_profile(str(name), table.rows[name], table.numbers.get(str(name))) for name in table.rows)
    return {one.name: replace(one, wording=table.wordings[one.name]) for one in columns}


def _with_slips(name: str, text: pd.Series, cells: Cells) -> Column:
    """A column of numbers in which few cells are none."""
    found, slips = cells.values.mask(cells.is_bad), tuple(text[cells.is_bad])
    is_whole = bool((found.dropna() % 1 == 0).all())
    values = tuple(text[cells.is_known & ~cells.is_bad].value_counts().index)
    kind: Kind = "integer" if is_whole else "number"
    return Column(name, kind, text, values, int(found.isna().sum()), found, slips=slips)


def _slips_of_truths(plain: pd.Series) -> tuple[str, ...] | None:
    """The few known cells that say neither yes nor no in a column of nothing else; None where it is no such column."""
    folded = plain.str.strip().str.lower()
    for words in _WORDS:
        if set(words) <= set(folded) and says_nearly(folded, words):
            return tuple(plain[~folded.isin(words)])
    return None


def _slips_of_times(plain: pd.Series) -> tuple[str, ...] | None:
    """The few known cells of a column of times that are none; None where it is no column of times."""
    head = plain.iloc[:_HEAD]
    is_time = pd.to_datetime(head, utc=True, errors="coerce", format="ISO8601").notna() & head.str.contains("-")
    if not is_time.any():  # the rest need not be asked
        return None
    is_time = pd.to_datetime(plain, utc=True, errors="coerce", format="ISO8601").notna() & plain.str.contains("-")
    return tuple(plain[~is_time]) if is_time.all() or are_nearly_all(is_time) else None


def _of_numbers(name: str, text: pd.Series, found: pd.Series, values: tuple[str, ...]) -> Column:
    known = found.to_numpy(dtype=np.float64, na_value=np.nan)
    is_whole = bool((np.floor(known) == known)[~np.isnan(known)].all())
    return Column(name, "integer" if is_whole else "number", text, values, int(found.isna().sum()), found)


def _profile(name: str, text: pd.Series, numbers: pd.Series | None) -> Column:
    if numbers is not None:
        return _of_numbers(name, text, numbers, tuple(text.value_counts().index))
    known = text.dropna()
    plain = known[~known.isin(MISSING)]
    values = tuple(known.value_counts().index)
    if plain.empty:
        return Column(name, "empty", text, values, len(text))
    found = inferred(text)
    if pd.api.types.is_numeric_dtype(found.dtype):
        return _of_numbers(name, text, found, tuple(plain.value_counts().index))
    if (nearly := inferred_but_few(text)) is not None:
        return _with_slips(name, text, nearly)
    if set(plain.str.lower()) <= _TRUTHS:
        return Column(name, "boolean", text, tuple(plain.value_counts().index), int(len(text) - len(plain)))
    if (odd := _slips_of_truths(plain)) is not None:
        said, missing = plain[~plain.isin(odd)], int(text.isna().sum()) + len(odd)
        return Column(name, "boolean", text, tuple(said.value_counts().index), missing, slips=odd)
    if (slips := _slips_of_times(plain)) is not None:
        return Column(name, "time", text, values, int(len(text) - len(plain)) + len(slips), slips=slips)
    few = max(2, len(text) // 5, min(_FEW_KINDS, len(text) // 3))
    kind: Kind = "category" if len(values) <= min(MOST_CATEGORIES, few) else "text"
    return Column(name, kind, text, values, int(text.isna().sum()))


def neither_yes_nor_no(column: Column) -> str:
    """The first cell of a column that says neither, in brackets and with its row; "" where few cells say either."""
    known = column.text.dropna()
    is_odd = ~known.str.strip().str.lower().isin(_TRUTHS | _BINARY)
    if not is_odd.any() or is_odd.mean() > _FEW_ODD:
        return ""
    place = int(is_odd.to_numpy().argmax())
    row = int(column.text.index.get_loc(known.index[place])) + 1  # type: ignore[arg-type]
    return f" (of {is_odd.sum():,} cells that are neither the first is {known.iloc[place]!r}, in row {row})"
