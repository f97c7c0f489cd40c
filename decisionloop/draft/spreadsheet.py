"""What spreadsheets do to a table before it is a CSV: encodings, running numbers without a name, signs, ja and nein."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from decisionloop.errors import UsageError
from decisionloop.sources.cells import MISSING, are_nearly_all

_SIGNS = r"(?:€|\$|£|¥|₹|%|[A-Z]{3}|NT\$|US\$|Fr\.|kr\.?|zł)"
_CURRENCY = r"(NT\$|US\$|€|\$|£|¥|₹|[A-Z]{3}|Fr\.|kr\.?|zł)"
_SIGN_OF = {"€": "EUR", "US$": "USD", "$": "USD", "£": "GBP", "₹": "INR", "zł": "PLN", "kr.": "kr"}
_BETWEEN = r"'\u2019\u00a0\u202f "
"""What keeps thousands apart beside commas and points: apostrophes and blanks that do not break."""
_SIGNED = re.compile(rf"(?P<minus>[+-]?)\s*(?:{_SIGNS})?\s*(?P<number>[+-]?\d[\d.,{_BETWEEN}]*)\s*(?:{_SIGNS})?")
_APART = re.compile(rf"(?<=\d)[{_BETWEEN}](?=\d{{3}}(?:\D|$))")
_HEAD = 20
"""So many lines tell what separates cells."""
_TICKED, _CROSSED = ("✓", "✔", "☑", "✅", "🗹"), ("✗", "✘", "☐", "❌", "✕", "✖")
_TICKS = {"x", "☒", *_TICKED}
"""What ticks a box; an empty cell says no beside it."""
_COLOURFUL = "\ufe0f"
"""What says that the sign before it is a picture."""
_OFTEN = 2
"""What neither says yes nor no and comes more often than this is a third answer, and no slip of the pen."""
_WORDS = {
    ("ja", "nein"): "yes no",
    ("wahr", "falsch"): "true false",
    ("oui", "non"): "yes no",
    ("vrai", "faux"): "true false",
    ("sí", "no"): "yes no",
    ("si", "no"): "yes no",
    ("sim", "não"): "yes no",
    ("tak", "nie"): "yes no",
    ("on", "off"): "yes no",
    ("an", "aus"): "yes no",
}
_ANSWERS = (
    *(((yes,), (no,), english.split()) for (yes, no), english in _WORDS.items()),
    (_TICKED, _CROSSED, ("yes", "no")),
    (("☒",), ("☐",), ("yes", "no")),
)
"""What says yes and what no in a column, and both in English."""
_SAID = frozenset(_TICKS).union(*((*yes, *no) for yes, no, _ in _ANSWERS))
"""All of it: a column in which no cell is one of these says neither."""
_CONTINENTAL = "cp1252"
"""What programs that know no UTF-8 write; every byte is a letter of it, so it comes last."""


def decoded(file: Path) -> str:
    """The text of a CSV in the encoding that its bytes show. Raises UsageError where it is no text at all."""
    content = file.read_bytes()
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return content.decode("utf-16")
    if (wide := _wide(content)) is not None:
        return content.decode(wide)
    if b"\0" in content[:100_000]:
        raise UsageError(f"{file} is no text: it may be a workbook. Save the sheet as CSV (UTF-8), or give Parquet.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(_CONTINENTAL, errors="replace")


def _wide(content: bytes) -> str | None:
    """The encoding of UTF-16 that does not say that it is, told by the noughts of its plain letters."""
    head = content[:2_000]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < len(head) // 3 or min(even, odd) > len(head) // 50 or len(content) % 2:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def separated_by(text: str, where: str) -> tuple[str, str]:
    """What separates the cells of a CSV, and its text from the header on.

    Raises UsageError where lines stand before the header.
    """
    text = text.lstrip("\ufeff")
    if (said := re.match(r"\s*sep=(.)\r?\n", text)) is not None:  # as Excel says it
        return said[1], text[said.end() :]
    lines = [re.sub(r'"[^"]*"', "", one) for one in text[:100_000].splitlines() if one.strip()][:_HEAD]
    if not lines:
        return ",", text
    separator = max(",;\t|", key=lines[0].count)
    others = {one: [line.count(one) for line in lines[1:]] for one in ",;\t|"}
    usual = max(others, key=lambda one: min(others[one][1:], default=0))
    cells = min(others[usual][1:], default=0)
    if not lines[0].count(separator) and len(lines) > 3 and cells:
        raise UsageError(
            f"{where}: its first line {lines[0].strip()[:60]!r} is no header, for others have {cells + 1} cells. "
            "Remove what stands before the header."
        )
    return separator, text


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


def mixed_currencies(column: pd.Series) -> str:
    """That a column (n,) of amounts is of several currencies, in words; "" where it is of one or of none."""
    said = column.str.extract(_CURRENCY, expand=False).replace(_SIGN_OF).value_counts()
    if len(said) < 2 or not are_nearly_all(column[column != ""].str.fullmatch(_SIGNED).fillna(False)):
        return ""
    named = ", ".join(f"{sign} {many:,} times" for sign, many in said.items())
    return f"{column.name}: its amounts are of several currencies ({named}) and are read as of one: convert them"


def in_english(column: pd.Series) -> pd.Series:
    """Ja and nein, boxes that are ticked, and their like, as yes and no, where a column says nothing else.

    A few cells that say neither stay: they are slips of the pen, and the trouble of their rows.
    """
    if not any(str(one).lower().replace(_COLOURFUL, "") in _SAID for one in column.dropna().unique()):
        return column  # as most columns of a wide table, and none of them is looked at any closer
    folded = column.str.lower().str.replace(_COLOURFUL, "")
    if (folded != "").any() and (folded == "").any() and set(folded) <= {*_TICKS, ""}:
        return folded.map(lambda cell: "yes" if cell else "no")
    known = folded[column.notna() & ~column.isin(MISSING)]
    for yes, no, english in _ANSWERS:
        if says_nearly(known, (*yes, *no)) and (known.isin(yes).any() or set(known) != {"no"}):
            said = {**dict.fromkeys(yes, english[0]), **dict.fromkeys(no, english[1])}
            return folded.map(said).fillna(column)
    return column


def says_nearly(known: pd.Series, answers: Collection[str]) -> bool:
    """Whether all of the known cells are ``answers``, or all but few, of which none comes often."""
    if known.empty:
        return False
    is_answer = known.isin(list(answers))
    if is_answer.all():
        return True
    return are_nearly_all(is_answer) and int(known[~is_answer].value_counts().iloc[0]) <= _OFTEN
