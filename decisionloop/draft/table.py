"""A table to begin with, read as it is written: every cell text, times in ISO 8601, names that a contract may use."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from decisionloop.draft.database import DatabaseTable
from decisionloop.draft.decimals import with_decimal_point
from decisionloop.draft.spreadsheet import decoded, in_english, without_leftovers, without_signs
from decisionloop.errors import UsageError
from decisionloop.predict.text import as_text

_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l"})
_DAYS_FIRST = ("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")
_SHORT = ("%d.%m.%y", "%d.%m.%y %H:%M")
_MONTHS_FIRST = ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")


@dataclass(frozen=True, eq=False)
class Table:
    """Cells as text, by names that a contract may use; ``wordings`` say what people call each column."""

    rows: pd.DataFrame
    wordings: dict[str, str]


def read_table(source: Path | DatabaseTable) -> Table:
    """Every row of a CSV or Parquet file or of a table as text, missing cells NA, columns by names of a contract.

    Raises UsageError where there is no such file or table, it cannot be read, or has no rows.
    """
    frame = _typed_as_text(source.read()) if isinstance(source, DatabaseTable) else _read_file(source)
    if frame.empty:
        said = source.table if isinstance(source, DatabaseTable) else source
        raise UsageError(f"{said} has no rows. Give one row a decision.")
    written = [re.sub(r"[\s_]+", " ", str(one)).strip() for one in frame.columns]
    frame.columns = pd.Index(_names(frame.columns))
    wordings = {name: one or name for name, one in zip(frame.columns, written, strict=True)}
    return Table(frame.apply(_as_written), wordings)


def _read_file(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise UsageError(f"{file} is no file. Give a CSV or Parquet file with one row a decision.")
    try:
        return _read_parquet(file) if file.suffix.lower() in {".parquet", ".pq"} else _read_csv(file)
    except (ValueError, OSError, csv.Error) as error:
        raise UsageError(f"{file} cannot be read as a table: {error}. Save it as CSV (UTF-8) or Parquet.") from error


def _read_csv(file: Path) -> pd.DataFrame:
    text = decoded(file)
    first = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t|", key=first.count)
    read = pd.read_csv(StringIO(text), sep=separator, dtype="str", keep_default_na=False, skip_blank_lines=True)
    frame = without_leftovers(read.reset_index() if not isinstance(read.index, pd.RangeIndex) else read)
    plain = frame.apply(without_signs).apply(in_english)
    return plain.apply(with_decimal_point, is_comma_decimal=separator == ";")


def _read_parquet(file: Path) -> pd.DataFrame:
    frame = pd.read_parquet(file)
    return _typed_as_text(frame if frame.index.name is None else frame.reset_index())


def _typed_as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that have types as text."""
    is_time = {name: pd.api.types.is_datetime64_any_dtype(column) for name, column in frame.items()}
    text = {name: _iso(frame[name]) if is_time[name] else as_text(frame[name]) for name in frame}
    return pd.DataFrame({name: with_decimal_point(one, is_comma_decimal=False) for name, one in text.items()})


def _as_written(column: pd.Series) -> pd.Series:
    text = column.astype("str")
    text = text.where(column.notna() & ~text.str.strip().isin(["", "nan"]))
    return _as_times(text)


def _as_times(text: pd.Series) -> pd.Series:
    """Dates that are written day first or month first, as ISO 8601. Raises UsageError where they could be either."""
    known = text.dropna()
    if known.empty or not known.str.match(r"\d{1,2}[/.]\d{1,2}[/.]\d{4}|\d{1,2}\.\d{1,2}\.\d\d( |$)").all():
        return text
    read = {
        order: _read_times(known, formats) for order, formats in (("d", (*_DAYS_FIRST, *_SHORT)), ("m", _MONTHS_FIRST))
    }
    found = {order: times for order, times in read.items() if times is not None}
    if len(found) == 2 and not found["d"].equals(found["m"]):
        raise UsageError(
            f"column {text.name}: {known.iloc[0]!r} may be day first or month first, and so may every other row. "
            "Write dates as 2024-01-31."
        )
    times = next(iter(found.values()), None)
    return text if times is None else _iso(times).reindex(text.index)


def _read_times(known: pd.Series, formats: tuple[str, ...]) -> pd.Series | None:
    for form in formats:
        times = pd.to_datetime(known, format=form, errors="coerce")
        if times.notna().all():
            return times
    return None


def _iso(times: pd.Series) -> pd.Series:
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    is_day = bool((times.dropna() == times.dropna().dt.normalize()).all())
    return times.dt.strftime("%Y-%m-%d" if is_day else "%Y-%m-%dT%H:%M:%SZ")


def name_of(written: str) -> str:
    """A name that a contract may use: lower case, digits, underscores, beginning with a letter."""
    plain = unicodedata.normalize("NFC", written.strip().lower()).translate(_LETTERS)
    name = re.sub(r"[^a-z0-9]+", "_", _without_accents(plain)).strip("_") or "column"
    return (name if name[0].isalpha() else f"c_{name}")[:60]


def _without_accents(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def _names(columns: pd.Index) -> list[str]:
    """One name a column; those that would be alike are numbered."""
    names: list[str] = []
    for one in map(name_of, map(str, columns)):
        known = [other for other in names if other == one or re.fullmatch(rf"{one}_\d+", other)]
        names.append(f"{one}_{len(known) + 1}" if one in names else one)
    return names
