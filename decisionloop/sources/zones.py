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
_ZONE = re.compile(rf"(?<=\d|[mM])\s*\(?({'|'.join(sorted(_HOURS, key=len, reverse=True))})\)?$")


def without_zone(text: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Text (n,) of times without the letters of a zone, and how far each is ahead of UTC, NaT where it names none."""
    said = text.str.extract(_ZONE, expand=False)
    ahead = pd.to_timedelta(said.map(_HOURS).astype("float64"), unit="h")
    return (text.str.replace(_ZONE, "", regex=True) if said.notna().any() else text), ahead


def times_of_zones(text: pd.Series) -> pd.Series:
    """Text (n,) in ISO 8601 before the letters of a zone as times in UTC; NaT where it is none or names no zone."""
    plain, ahead = without_zone(text.str.strip())
    times: pd.Series = pd.to_datetime(plain.where(ahead.notna()), utc=True, errors="coerce", format="ISO8601")
    return times - ahead
