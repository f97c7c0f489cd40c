"""Numbers as people write them, with a decimal comma or with thousands apart, as numbers with a decimal point."""

from __future__ import annotations

import pandas as pd

from decisionloop.errors import UsageError
from decisionloop.sources.cells import MISSING, are_nearly_all

_COMMA_DECIMAL = r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?"
_COMMA_THOUSANDS = r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?"


def with_decimal_point(column: pd.Series, is_comma_decimal: bool) -> pd.Series:
    """A column (n,) of text as it is, or where all of it is numbers with commas, as those with a decimal point.

    A few cells that are no numbers among many that are stay as they are written.

    ``is_comma_decimal``: whether 1,234 is taken to be less than two, for the file is separated by semicolons. Raises
    UsageError where nothing says whether commas are decimal signs or keep thousands apart.
    """
    stripped = column.str.strip()
    known = stripped[stripped.notna() & ~stripped.isin(MISSING)]
    has_comma = known.str.contains(",", regex=False)
    if not has_comma.any():
        return column
    decimal, thousands = known.str.fullmatch(_COMMA_DECIMAL), known.str.fullmatch(_COMMA_THOUSANDS)
    is_decimal, is_thousands = bool(decimal.all()), bool(thousands.all())
    if not is_decimal and not is_thousands:
        is_decimal, is_thousands = are_nearly_all(decimal), are_nearly_all(thousands)
    if is_decimal and is_thousands and not is_comma_decimal:
        raise UsageError(
            f"column {column.name}: the comma of {known[has_comma].iloc[0]!r} may be a decimal sign or keep thousands "
            "apart, and so may every other. Write numbers with a decimal point and without commas."
        )
    if is_decimal:
        plain = column.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        return column.where(~decimal.reindex(column.index, fill_value=False), plain)
    plain = column.str.replace(",", "", regex=False)
    return column.where(~thousands.reindex(column.index, fill_value=False), plain) if is_thousands else column
