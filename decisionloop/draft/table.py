"""A table to begin with, read as it is written: every cell text, times in ISO 8601, names that a contract may use."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from io import StringIO
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.draft.database import DatabaseTable
from decisionloop.draft.dates import are_days_by_chance, as_iso, iso, may_count_time
from decisionloop.draft.decimals import with_decimal_point
from decisionloop.draft.spreadsheet import (
    decoded,
    in_english,
    mixed_currencies,
    separated_by,
    without_leftovers,
    without_signs,
)
from decisionloop.errors import UsageError
from decisionloop.predict.text import as_text
from decisionloop.sources.cells import plain_numbers

_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l"})


_MORE_THAN_NUMBERS = r"[^0-9.+\-]"


@dataclass(frozen=True, eq=False)
class Table:
    """Cells as text, by names that a contract may use; ``wordings`` say what people call each column.

    ``numbers``: columns of nothing but plain numbers, as such. ``doubts``: what a person should look at in the file.
    """

    rows: pd.DataFrame
    wordings: dict[str, str]
    numbers: dict[str, pd.Series] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()

    def kept(self, is_kept: npt.NDArray[np.bool_]) -> Table:
        """The rows of ``is_kept`` (n,) alone."""
        numbers = {name: one[is_kept].reset_index(drop=True) for name, one in self.numbers.items()}
        return replace(self, rows=self.rows[is_kept].reset_index(drop=True), numbers=numbers)


def read_table(source: Path | DatabaseTable, times: Collection[str] = (), features: Collection[str] = ()) -> Table:
    """Every row of a CSV or Parquet file or of a table as text, missing cells NA, columns by names of a contract.

    ``times``, ``features``: columns that somebody says are times, or what to decide by. Raises UsageError where there
    is no such file or table, it cannot be read, or has no rows.
    """
    frame, doubts = (_typed_as_text(source.read()), ()) if isinstance(source, DatabaseTable) else _read_file(source)
    if frame.empty:
        said = source.table if isinstance(source, DatabaseTable) else source
        raise UsageError(f"{said} has no rows. Give one row a decision.")
    written = [re.sub(r"[\s_]+", " ", str(one)).strip() for one in frame.columns]
    frame.columns = pd.Index(_names(frame.columns))
    wordings = {name: one or name for name, one in zip(frame.columns, written, strict=True)}
    text = {str(name): frame[name].astype("str") for name in frame}
    is_count = {name: name in features or not may_count_time(one) for name, one in text.items() if name not in times}
    found = {name: plain_numbers(text[name]) for name, is_one in is_count.items() if is_one}
    numbers = {name: one for name, one in found.items() if one is not None}
    rows = {
        name: one.where(one != "") if name in numbers else _as_written(one, name in times) for name, one in text.items()
    }
    days = [name for name, is_one in is_count.items() if not is_one and are_days_by_chance(text[name])]
    read_as = tuple(f"{one}: its numbers are read as days (--feature {one} where they are codes)" for one in days)
    return Table(pd.DataFrame(rows, index=frame.index), wordings, numbers, (*doubts, *read_as))


def _read_file(file: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns as text, and what a person should look at in the file."""
    if not file.is_file():
        raise UsageError(f"{file} is no file. Give a CSV or Parquet file with one row a decision.")
    try:
        return (_read_parquet(file), ()) if file.suffix.lower() in {".parquet", ".pq"} else _read_csv(file)
    except (ValueError, OSError, csv.Error) as error:
        raise UsageError(f"{file} cannot be read as a table: {error}. Save it as CSV (UTF-8) or Parquet.") from error


def _read_csv(file: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    text = decoded(file)
    separator, text = separated_by(text, str(file))
    read = pd.read_csv(StringIO(text), sep=separator, dtype="str", keep_default_na=False, skip_blank_lines=True)
    frame = without_leftovers(read.reset_index() if not isinstance(read.index, pd.RangeIndex) else read)
    read_as = {name: _plainly(frame[name], is_comma_decimal=separator == ";") for name in frame}
    empty = len(read) - len(frame)
    doubts = [f"left out {empty:,} empty row{'' if empty == 1 else 's'}"] if empty else []
    doubts += [doubt for _, doubt in read_as.values() if doubt]
    return pd.DataFrame({name: column for name, (column, _) in read_as.items()}, index=frame.index), tuple(doubts)


def _plainly(column: pd.Series, is_comma_decimal: bool) -> tuple[pd.Series, str]:
    """A column of text without what spreadsheets write beside numbers, and its yes and no in English; a doubt of it."""
    if not column.str.contains(_MORE_THAN_NUMBERS).any():
        return column, ""
    plain = without_signs(column)
    doubt = "" if plain is column else mixed_currencies(column)
    return with_decimal_point(in_english(plain), is_comma_decimal), doubt


def _read_parquet(file: Path) -> pd.DataFrame:
    frame = pd.read_parquet(file)
    return _typed_as_text(frame if frame.index.name is None else frame.reset_index())


def _typed_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that have types as text."""
    is_time = {name: pd.api.types.is_datetime64_any_dtype(column) for name, column in frame.items()}
    text = {name: iso(frame[name]) if is_time[name] else as_text(frame[name]) for name in frame}
    return pd.DataFrame({name: with_decimal_point(one, is_comma_decimal=False) for name, one in text.items()})


def _as_written(column: pd.Series, is_time: bool) -> pd.Series:
    return as_iso(column.where(column.notna() & ~column.str.strip().isin(["", "nan"])), is_time)


def name_of(written: str) -> str:
    """A name that a contract may use: lower case, digits, underscores, beginning with a letter."""
    plain = unicodedata.normalize("NFC", written.strip().lower()).translate(_LETTERS)
    name = re.sub(r"[^a-z0-9]+", "_", _without_accents(plain)).strip("_") or "column"
    return (name if name[0].isalpha() else f"c_{name}")[:60]


def _without_accents(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def _names(columns: pd.Index) -> list[str]:
    """One name a column; those that would be alike are numbered."""
    names: dict[str, None] = {}
    for one in map(name_of, map(str, columns)):
        numbered = (f"{one}_{number}" for number in count(2))
        names[one if one not in names else next(name for name in numbered if name not in names)] = None
    return list(names)
