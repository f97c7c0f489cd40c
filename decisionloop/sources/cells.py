"""What the cells of a table say, by the contract's types: the same in CSV, Parquet and SQL.

Text is as it is written. A number, a truth value, a time or an outcome may be missing in any of the ways in which
people write that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from decisionloop.errors import SourceError

MISSING = (
    *("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "null", "NULL", "Null", "None", "none", "nil"),
    *("?", "-", "--", ".", "n.a.", "N.A.", "k.A.", "k. A.", "\\N"),
)
"""What says "not known" where a number, a truth value or a time should be; in a text column it is text."""
_CODES = r"^[+-]?0[0-9]|[ \t\r\n\f\v_]"
"""What no number that is meant as one has; in ASCII, which is looked through three times as fast."""
_FEW, _LOOKED_AT = 0.05, 10
"""A column of at least so many known cells of which so few are no numbers is one of numbers, with slips of the pen."""
_STANDARD_ERRORS = 3.0
_TRUE, _FALSE = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")


def is_text(values: pd.Series) -> bool:
    """Whether a column holds text, or nothing but objects."""
    return isinstance(values.dtype, pd.StringDtype) or values.dtype == object


def without_missing(values: pd.Series) -> pd.Series:
    """Text in which what says "not known" is missing."""
    return values.where(~values.isin(MISSING))


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of n cells as its type says: ``values`` (n,), missing where a cell ``is_bad`` (n,), and what that is."""

    values: pd.Series
    is_known: npt.NDArray[np.bool_]
    is_bad: npt.NDArray[np.bool_]
    problem: str

    def require_few(self, written: pd.Series, where: str, share: float, is_part: bool = False) -> None:
        """Raise SourceError with the first bad cell where they are too many (`are_too_many`)."""
        bad = int(self.is_bad.sum())
        if are_too_many(bad, int(self.is_known.sum()), share, is_part):
            row = int(self.is_bad.argmax())
            raise SourceError(
                f"{where}: column {written.name} holds {written.iloc[row]!r} in row {row + 1}, which {self.problem} "
                f"({bad} such rows). Correct it, or declare the feature as a category."
            )


def are_too_many(bad: int, known: int, share: float, is_part: bool = False) -> bool:
    """Whether ``bad`` of ``known`` cells are the trouble of their column, and not of their rows.

    They are where more than ``share`` are bad, or all of several. Of a single cell nobody can tell. ``is_part``: the
    cells are those of a few who were looked up, in which chance may gather more than the share.
    """
    if not share or not bad:
        return bool(bad)
    if is_part:
        by_chance = _STANDARD_ERRORS * (share * (1 - share) * known) ** 0.5
        return known >= _LOOKED_AT and bad > share * known + by_chance
    return known > 1 and (bad == known or (known >= _LOOKED_AT and bad > share * known))


def plain_numbers(values: pd.Series) -> pd.Series | None:
    """Text as numbers where every cell is a plain one, or empty; None where not.

    Asked first: most columns of a wide table are such, and need not be looked at any closer.
    """
    found: pd.Series = pd.to_numeric(values, errors="coerce")
    is_none = found.isna().to_numpy()
    if is_none.all() or (is_none.any() and not (values[is_none].isna() | (values[is_none] == "")).all()):
        return None
    return None if values.str.contains(_CODES, na=False).any() else found


def numbers(values: pd.Series) -> Cells:
    """Text as numbers."""
    if (plain := plain_numbers(values)) is not None:
        return Cells(plain, plain.notna().to_numpy(), np.zeros(len(plain), dtype=bool), "")
    known = without_missing(values)
    found: pd.Series = pd.to_numeric(known, errors="coerce")
    return Cells(found, known.notna().to_numpy(), (found.isna() & known.notna()).to_numpy(), "is no number")


def truths(values: pd.Series) -> Cells:
    """Text as true and false."""
    known = without_missing(values)
    folded = known.str.lower()
    is_true, is_false = folded.isin(_TRUE), folded.isin(_FALSE)
    is_said = is_true | is_false
    said = is_true if is_said.all() else is_true.astype(object).where(is_said, None)
    is_known = known.notna()
    return Cells(said, is_known.to_numpy(), (~is_said & is_known).to_numpy(), "is neither true nor false")


def inferred(values: pd.Series) -> pd.Series:
    """A column of which the contract says nothing: numbers if every cell is a plain one, else text as written.

    A cell with a leading zero or a space is a code, not a number.
    """
    if (plain := plain_numbers(values)) is not None:
        return plain
    known = without_missing(values)
    found: pd.Series = pd.to_numeric(known, errors="coerce")
    is_plain = not (found.isna() & known.notna()).any() and not known.str.contains(_CODES, na=False).any()
    return found if is_plain else values


def are_nearly_all(good: pd.Series) -> bool:
    """Whether of enough cells (bool) all are good but few: slips of the pen, and no other kind of column."""
    return len(good) >= _LOOKED_AT and int((~good).sum()) <= max(1, _FEW * len(good))


def inferred_but_few(values: pd.Series) -> Cells | None:
    """Text of which the contract says nothing as numbers, where nearly every cell is one; None where it is text."""
    cells = numbers(values)
    if not cells.is_bad.any() or not are_nearly_all(pd.Series(~cells.is_bad[cells.is_known])):
        return None
    is_code = values[cells.is_known & ~cells.is_bad].str.contains(_CODES, na=False)
    return None if is_code.any() else cells
