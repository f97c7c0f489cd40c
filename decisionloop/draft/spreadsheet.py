"""What spreadsheets do to a table before it is a CSV: encodings, running numbers without a name, signs, ja and nein."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from decisionloop.errors import UsageError
from decisionloop.sources.cells import MISSING, are_nearly_all

_SIGNS = r"(?:€|\$|£|¥|₹|%|[A-Z]{3}|NT\$|US\$|Fr\.|kr\.?|zł)"
_BETWEEN = r"'\u2019\u00a0\u202f "
"""What keeps thousands apart beside commas and points: apostrophes and blanks that do not break."""
_SIGNED = re.compile(rf"(?P<minus>[+-]?)\s*(?:{_SIGNS})?\s*(?P<number>[+-]?\d[\d.,{_BETWEEN}]*)\s*(?:{_SIGNS})?")
_APART = re.compile(rf"(?<=\d)[{_BETWEEN}](?=\d{{3}}(?:\D|$))")
_WORDS = {
    ("ja", "nein"): "yes no",
    ("wahr", "falsch"): "true false",
    ("oui", "non"): "yes no",
    ("vrai", "faux"): "true false",
    ("sí", "no"): "yes no",
    ("si", "no"): "yes no",
    ("sim", "não"): "yes no",
    ("tak", "nie"): "yes no",
}
_CONTINENTAL = "cp1252"
"""What programs that know no UTF-8 write; every byte is a letter of it, so it comes last."""


def decoded(file: Path) -> str:
    """The text of a CSV in the encoding that its bytes show. Raises UsageError where it is no text at all."""
    content = file.read_bytes()
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return content.decode("utf-16")
    if b"\0" in content[:100_000]:
        raise UsageError(f"{file} is no text: it may be a workbook. Save the sheet as CSV (UTF-8), or give Parquet.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(_CONTINENTAL, errors="replace")


def without_leftovers(frame: pd.DataFrame) -> pd.DataFrame:
    """Without rows that are empty, and without columns that have no name and are empty or number the rows."""
    text = frame.apply(lambda column: column.str.strip())
    is_empty = text.isin(["", "nan"]) | text.isna()
    kept = text[~is_empty.all(axis=1)].reset_index(drop=True)
    nameless = [one for one in kept.columns if re.fullmatch(r"Unnamed: \d+|", str(one).strip())]
    dropped = [one for one in nameless if is_empty[one].all() or _is_running(kept[one])]
    return kept.drop(columns=dropped)


def _is_running(column: pd.Series) -> bool:
    """Whether it is 0, 1, 2, … or 1, 2, 3, …"""
    numbers = pd.to_numeric(column, errors="coerce")
    return bool(numbers.notna().all() and numbers.iloc[0] in (0, 1) and (numbers.diff().dropna() == 1).all())


def without_signs(column: pd.Series) -> pd.Series:
    """A column (n,) of amounts with a currency or per cent as numbers; where not all of it is such, as it is."""
    known = column[column.notna() & ~column.isin(MISSING)]
    has_sign = known.str.contains(r"[^\d.,+\-]", regex=True)
    fits = known.str.fullmatch(_SIGNED)
    if known.empty or not has_sign.any() or not (fits.all() or are_nearly_all(fits)):
        return column
    if known[has_sign].str.fullmatch(r"[A-Z]{3}\d.*").any():
        return column  # a code, such as ABC123, and no amount of a currency
    known = known[fits]
    plain = known.str.replace(_SIGNED, lambda found: found["minus"] + found["number"].strip(), regex=True)
    slips = column[fits[~fits].index]
    return pd.concat([plain.str.replace(_APART, "", regex=True), slips]).reindex(column.index, fill_value="")


def in_english(column: pd.Series) -> pd.Series:
    """Ja and nein, and their like, as yes and no, where a column says nothing else."""
    folded = column.str.lower()
    said = set(folded[column.notna() & ~column.isin(MISSING)])
    for words, english in _WORDS.items():
        if said and said <= set(words) and said != {"no"}:
            return folded.replace(dict(zip(words, english.split(), strict=True)))
    return column
