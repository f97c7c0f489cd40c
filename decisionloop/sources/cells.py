"""What the cells of a table say, by the contract's types: the same in CSV, Parquet and SQL.

Text is as it is written. A number, a truth value, a time or an outcome may be missing in any of the ways in which
people write that.
"""

from __future__ import annotations

import pandas as pd

from decisionloop.errors import SourceError

MISSING = (
    *("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "null", "NULL", "Null", "None", "none", "nil"),
    *("?", "-", "--", ".", "n.a.", "N.A.", "k.A.", "k. A.", "\\N"),
)
"""What says "not known" where a number, a truth value or a time should be; in a text column it is text."""
_CODES = r"^[+-]?0\d|\s|_"
_TRUE, _FALSE = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")


def is_text(values: pd.Series) -> bool:
    """Whether a column holds text, or nothing but objects."""
    return isinstance(values.dtype, pd.StringDtype) or values.dtype == object


def without_missing(values: pd.Series) -> pd.Series:
    """Text in which what says "not known" is missing."""
    return values.where(~values.isin(MISSING))


def numbers(values: pd.Series, where: str) -> pd.Series:
    """Text as numbers; raises SourceError with the first cell that is none."""
    known = without_missing(values)
    found: pd.Series = pd.to_numeric(known, errors="coerce")
    is_bad = found.isna() & known.notna()
    if is_bad.any():
        raise SourceError(
            f"{where}: column {values.name} holds {values[is_bad].iloc[0]!r} in row {_row(is_bad)}, which is no number "
            f"({int(is_bad.sum())} such rows). Correct it, or declare the feature as a category."
        )
    return found


def truths(values: pd.Series, where: str) -> pd.Series:
    """Text as true and false; raises SourceError with the first cell that is neither."""
    known = without_missing(values)
    folded = known.str.lower()
    is_true, is_false = folded.isin(_TRUE), folded.isin(_FALSE)
    is_bad = ~(is_true | is_false) & known.notna()
    if is_bad.any():
        raise SourceError(
            f"{where}: column {values.name} holds {values[is_bad].iloc[0]!r} in row {_row(is_bad)}, which is neither "
            "true nor false. Correct it, or declare the feature as a category."
        )
    return is_true if known.notna().all() else is_true.astype(object).where(known.notna(), None)


def inferred(values: pd.Series) -> pd.Series:
    """A column of which the contract says nothing: numbers if every cell is a plain one, else text as written.

    A cell with a leading zero or a space is a code, not a number.
    """
    known = without_missing(values)
    found: pd.Series = pd.to_numeric(known, errors="coerce")
    is_plain = not (found.isna() & known.notna()).any() and not known.str.contains(_CODES, na=False).any()
    return found if is_plain else values


def _row(is_bad: pd.Series) -> int:
    return int(is_bad.to_numpy().argmax()) + 1
