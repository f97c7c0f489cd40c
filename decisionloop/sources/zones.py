"""Times that name their zone by letters, as `2024-01-31 08:00 CET`: the letters, and how far they are ahead of UTC."""

from __future__ import annotations

import re

import pandas as pd

_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "MEZ": 1,
    "CEST": 2,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "SGT": 8,
    "HKT": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
}
"""Hours ahead of UTC. CST and MST are those of North America; IST, which is of three countries, is not guessed."""
_ZONE = re.compile(
    rf"(?:(?<=[\dz])|(?<=[ap]m))\s*\(?({'|'.join(sorted(_HOURS, key=len, reverse=True))})\)?$", re.IGNORECASE
)
_OFFSET = re.compile(
    r"[t ]\d\d?(?::?\d\d){0,2}(?:[.,]\d+)?\s*(?:(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?|(?P<utc>z))$",
    re.IGNORECASE,
)
_HALF_DAYS = ("%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p")


def without_zone(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Text (n,) of times without the letters of a zone, and how far each is ahead of UTC, NaT where it names none.

    Where an offset stands before the letters it stays and says it, and nothing is ahead of it; a cell whose letters
    contradict its offset stays as it is.
    """
    said = text.str.extract(_ZONE, expand=False)
    ahead = pd.to_timedelta(said.str.upper().map(_HOURS).astype("float64"), unit="h")
    if not said.notna().any():
        return text, ahead
    plain = text.str.replace(_ZONE, "", regex=True)
    offset = _offsets(plain)
    is_contradicted = said.notna() & offset.notna() & (offset != ahead)
    ahead = ahead.mask(offset.notna() & said.notna(), pd.Timedelta(0)).mask(is_contradicted)
    return plain.mask(is_contradicted, text), ahead


def iso_times(plain: pd.Series) -> pd.Series:
    """Text (n,) in ISO 8601, also with a clock of twelve hours, as times in UTC; NaT where it is none."""
    times: pd.Series = pd.to_datetime(plain, utc=True, errors="coerce", format="ISO8601")
    for form in _HALF_DAYS:
        times = times.fillna(pd.to_datetime(plain.where(times.isna()), utc=True, errors="coerce", format=form))
    return times


def times_of_zones(text: pd.Series) -> pd.Series:
    """Text (n,) in ISO 8601 before the letters of a zone as times in UTC; NaT where it is none or names no zone."""
    plain, ahead = without_zone(text.str.strip())
    return iso_times(plain.where(ahead.notna())) - ahead


def _offsets(plain: pd.Series) -> pd.Series:
    """How far ahead of UTC the digits behind a clock say that it is; NaT where there are none."""
    found = plain.str.extract(_OFFSET)
    minutes = found["hours"].astype("float64") * 60 + found["minutes"].fillna("0").astype("float64")
    signed = minutes.where(found["sign"] != "-", -minutes).fillna(0.0)
    return pd.to_timedelta(signed.where(found["sign"].notna() | found["utc"].notna()), unit="m")
