"""Times as people and programs write them, as ISO 8601: day or month first, names of months, seconds since 1970."""

from __future__ import annotations

import re

import pandas as pd

from decisionloop.errors import UsageError
from decisionloop.sources.cells import MISSING, are_nearly_all
from decisionloop.sources.zones import iso_times, without_zone

_DATES_DAY_FIRST = ("%d-%m-%Y", "%d-%m-%y")
_DATES_MONTH_FIRST = ("%m-%d-%Y", "%m-%d-%y")
_NAMED = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%y", "%a %b %d %Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_NUMERIC = r"\d{1,2}([/.-])\d{1,2}\1(?:\d{4}|\d\d)(?: .*)?"
_DAY, _MANY_DAYS = r"(?:19|20)\d{6}", 20
_COUNT = r"\d{8,19}(?:\.\d+)?"
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")
_IN_A_SECOND = (1.0, 1e3, 1e6, 1e9)
_FIRST, _LAST = pd.Timestamp("2000-01-01").timestamp(), pd.Timestamp("2100-01-01").timestamp()
TIME_WORDS = frozenset(
    ("time", "timestamp", "date", "datetime", "at", "ts", "on", "when", "day", "datum", "zeit", "zeitpunkt", "fecha")
)
"""Words of a column's name that say that its numbers may be times."""


def as_iso(text: pd.Series, is_time: bool = False) -> pd.Series:
    """A column of text as it is, or where its cells are times, those in ISO 8601; a few that are none stay.

    ``is_time``: somebody says that it is one, whatever it is called. Raises UsageError where they may be day first or
    month first.
    """
    known = text[~text.isin(MISSING)].dropna()
    if known.empty:
        return text
    if (is_time or may_count_time(text)) and are_few_left(is_count := known.str.strip().str.fullmatch(_COUNT)):
        return _counted(text, known[is_count].str.strip(), are_slips=not is_count.all())
    head = known.iloc[:100].str.strip()
    if not (head.str.contains(r"\d") & head.str.contains(r"[/.\- ]")).any():
        return text
    plain, ahead = without_zone(known.str.strip())
    plain = plain.str.replace(_YEAR_FIRST, r"\1-\2-\3", regex=True)
    if are_few_left(plain.str.fullmatch(_NUMERIC)):
        found = _day_or_month_first(text, plain)
        return text if found is None else _placed(text, _in_utc(found, ahead))
    if are_few_left(plain.str.contains(r"[A-Za-z]{3}") & plain.str.contains(r"\d{1,2}\D.*\d{2}")):
        named = _read(plain, _NAMED)
        return text if named is None else _placed(text, _in_utc(named, ahead))
    times = iso_times(plain[ahead.notna()]).dropna()
    plain = plain.where(ahead.isna(), known)  # letters behind what is no time belong to it
    plain[times.index] = iso(_in_utc(times, ahead))
    is_changed = plain != known
    return text if not is_changed.any() else text.where(~is_changed.reindex(text.index, fill_value=False), plain)


def _in_utc(times: pd.Series, ahead: pd.Series) -> pd.Series:
    """Times without a zone, or in UTC, moved by how far ``ahead`` of it their letters say that they are."""
    return times - ahead.reindex(times.index).fillna(pd.Timedelta(0))


def may_count_time(text: pd.Series) -> bool:
    """Whether a column of numbers may count time, by its name, or because its cells are days as 20240131."""
    return _sounds_like_time(text) or _are_days(text)


def are_days_by_chance(text: pd.Series) -> bool:
    """Whether nothing but its cells, days as 20240131, says that a column counts time: they may be codes."""
    return not _sounds_like_time(text) and _are_days(text)


def _sounds_like_time(text: pd.Series) -> bool:
    return bool(TIME_WORDS & set(str(text.name).split("_")))


def _are_days(text: pd.Series) -> bool:
    """Whether cells are days as 20240131, and so many that no other number is such a one by chance."""
    if not text.iloc[:1].str.fullmatch(_DAY).all():  # most columns need not be looked at
        return False
    known = text[~text.isin(MISSING)].dropna().str.strip()
    is_day = known.str.fullmatch(_DAY)
    days = pd.to_datetime(known[is_day], format="%Y%m%d", errors="coerce")
    return are_few_left(is_day) and are_few_left(days.notna()) and days.nunique() >= _MANY_DAYS


def are_few_left(good: pd.Series) -> bool:
    """Whether all are good, or all but few."""
    return bool(good.all()) or are_nearly_all(good)


def _counted(text: pd.Series, known: pd.Series, are_slips: bool) -> pd.Series:
    """Days as 20240131, and seconds or parts of them since 1970, where that makes times of our own; a few make none.

    ``are_slips``: other cells are no numbers, so that few enough of these are left.
    """
    is_day = known.str.fullmatch(_DAY)
    if are_few_left(is_day):
        days = pd.to_datetime(known[is_day], format="%Y%m%d", errors="coerce")
        return _placed(text, days) if are_few_left(days.notna()) else text
    numbers = pd.to_numeric(known)
    for a_second in _IN_A_SECOND:
        is_ours = numbers.between(_FIRST * a_second, _LAST * a_second)
        if is_ours.all() if are_slips else are_few_left(is_ours):
            return _placed(text, pd.to_datetime(numbers[is_ours] / a_second, unit="s").dt.round("us"))
    return text


def _day_or_month_first(text: pd.Series, plain: pd.Series) -> pd.Series | None:
    """The times of cells ``plain`` (n,), by the only way to read them; None where none does."""
    dashed = plain.str.replace(r"^(\d{1,2})[/.-](\d{1,2})[/.-]", r"\1-\2-", regex=True)
    day_first, month_first = _read(dashed, _DATES_DAY_FIRST), _read(dashed, _DATES_MONTH_FIRST)
    is_pointed = bool(plain.str.contains(r"^\d{1,2}\.", regex=True).all())  # nobody writes months first with points
    if day_first is not None and month_first is not None and not is_pointed:  # what reads more of them is right
        read = day_first.notna().sum(), month_first.notna().sum()
        day_first, month_first = (
            day_first if read[0] >= read[1] else None,
            month_first if read[1] >= read[0] else None,
        )
    if day_first is None or month_first is None or is_pointed or day_first.equals(month_first):
        return day_first if day_first is not None else month_first
    raise UsageError(
        f"column {text.name}: {plain.iloc[0]!r} may be day first or month first, and so may every other row. "
        "Write dates as 2024-01-31."
    )


def _read(plain: pd.Series, dates: tuple[str, ...]) -> pd.Series | None:
    """The times, NaT where few cells are none; None where no one form reads nearly all of them."""
    for form in (f"{date}{clock}" for date in dates for clock in _CLOCKS):
        if pd.isna(pd.to_datetime(plain.iloc[:1], format=form, errors="coerce").iloc[0]):
            continue
        times = pd.to_datetime(plain, format=form, errors="coerce")
        if are_few_left(times.notna()):
            return times
    return None


def _placed(text: pd.Series, times: pd.Series) -> pd.Series:
    """The column with these times in the place of what says them."""
    said = iso(times).reindex(text.index)
    return text.where(said.isna(), said)


def iso(times: pd.Series) -> pd.Series:
    """Times as text in ISO 8601; as days where all are."""
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    is_day = bool((times.dropna() == times.dropna().dt.normalize()).all())
    return times.dt.strftime("%Y-%m-%d" if is_day else "%Y-%m-%dT%H:%M:%SZ")
