"""Numbers as people read them: money, counts, shares, dates. Nothing here knows what the numbers mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from decisionloop.contract.currency import symbol

NBSP = "\u00a0"
MINUS = "\u2212"
EN_DASH = "\u2013"
UNKNOWN = "not known"
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SCALES = ((1e9, "billion"), (1e6, "million"), (1.0, ""))


def money(amount: float | None, currency: str, is_signed: bool = False) -> str:
    """An amount in words a reader takes in at once: NT$2.3 million, NT$45,300, NT$12.50; None is "not known"."""
    if amount is None or not math.isfinite(amount):
        return UNKNOWN
    rounded = _significant(abs(amount))
    text = f"{symbol(currency)}{_magnitude(rounded)}"
    if amount < 0 and rounded > 0:
        return f"{MINUS}{text}"
    return f"+{text}" if is_signed and rounded > 0 else text


def _significant(size: float) -> float:
    """Millions to two digits (three from ten million on), thousands to three, small change to cents."""
    if size >= 1_000:
        digits = 3 if size < 999_500 or size >= 9_950_000 else 2
        return round(size, digits - 1 - math.floor(math.log10(size)))
    return float(round(size)) if size >= 100 else round(size, 2)


def _magnitude(size: float) -> str:
    divisor, word = next((d, w) for d, w in _SCALES if size >= d or d == 1.0)
    scaled = size / divisor
    if word:
        return f"{scaled:,.0f}{NBSP}{word}" if scaled >= 100 else f"{scaled:,.1f}{NBSP}{word}"
    return f"{scaled:,.0f}" if scaled >= 100 or scaled == int(scaled) else f"{scaled:,.2f}"


def fine(amount: float) -> str:
    """An amount that may be tiny, with two decimals or as many as two of its digits need: 12.30, 0.0042, 0."""
    size = abs(amount)
    if size == 0 or not math.isfinite(size):
        return "0" if size == 0 else UNKNOWN
    decimals = 2 if size >= 1 else min(15, 1 - math.floor(math.log10(size)))
    text = f"{size:,.{decimals}f}"
    return f"{MINUS}{text}" if amount < 0 and text.strip("0.,") else text


def fine_money(amount: float | None, currency: str) -> str:
    """Money that may be a small part of a cent: NT$0.0042; None is "not known"."""
    if amount is None or not math.isfinite(amount):
        return UNKNOWN
    return f"{MINUS if amount < 0 else ''}{symbol(currency)}{fine(abs(amount))}"


def fine_percent(share: float) -> str:
    """A share that may be tiny, in percent to two digits: 4.2%, 0.00017%."""
    return f"{fine(100 * share)}%"


def data_size(count_of_bytes: int) -> str:
    """Bytes as people read them: 812 bytes, 3.4 MB (decimal)."""
    for divisor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count_of_bytes >= divisor:
            return f"{count_of_bytes / divisor:,.1f}{NBSP}{unit}"
    return f"{count_of_bytes}{NBSP}bytes"


@dataclass(frozen=True)
class MoneyScale:
    """One unit for a whole table or chart, so that its figures compare at a glance."""

    divisor: float
    unit: str
    decimals: int

    def figure(self, amount: float | None) -> str:
        """The amount in this unit with its sign, such as +2.3; a dash when unknown."""
        if amount is None or not math.isfinite(amount):
            return EN_DASH
        text = f"{abs(amount) / self.divisor:,.{self.decimals}f}"
        if not any(digit in text for digit in "123456789"):
            return text
        return f"{MINUS if amount < 0 else '+'}{text}"


def money_scale(amounts: Iterable[float | None], currency: str) -> MoneyScale:
    """The unit in which the largest of ``amounts`` reads well."""
    largest = max((abs(a) for a in amounts if a is not None and math.isfinite(a)), default=0.0)
    sign = symbol(currency).strip()
    for divisor, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if largest >= divisor:
            return MoneyScale(divisor, f"{sign}{NBSP}{word}", 1)
    return MoneyScale(1.0, sign, 0 if largest >= 100 else 2)


def count(number: int) -> str:
    """30000 as 30,000."""
    return f"{number:,}"


def count_of(number: int, noun: str) -> str:
    """A count with its noun in the right number: no clients, 1 client, 2 clients."""
    if number == 0:
        return f"no {plural(noun)}"
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """The regular English plural of a noun."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def percent(share: float | None) -> str:
    """A share as a percentage with as many digits as a reader needs."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    if share < 0:
        return f"{MINUS}{percent(-share)}"
    size = share * 100
    if 0 < size < 0.1:
        return "under 0.1%"
    has_decimal = (0 < size < 10 or 99 < size < 100) and f"{size:.1f}"[-2:] != ".0"
    return f"{size:.1f}%" if has_decimal else f"{size:.0f}%"


def number(value: float | None) -> str:
    """A plain number: integers with separators, others to three significant digits."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{abs(value):,.0f}" if abs(value) >= 100 or value == int(value) else f"{abs(value):.3g}"
    return f"{MINUS}{text}" if value < 0 and text != "0" else text


def day(when: date, is_short: bool = False) -> str:
    """8 July 2005, or 8 Jul 2005. Never without its year: a page may cover several."""
    name = MONTHS[when.month - 1]
    return f"{when.day}{NBSP}{name[:3] if is_short else name}{NBSP}{when.year}"


def period_label(period: str, is_short: bool = False) -> str:
    """A period key as people say it: 2005-06 is June 2005 (short: Jun 2005); 2005-06-08 is 8 June 2005 (8 Jun 2005).

    A batch of a certain time is told with it: 2005-06-08T12:00:00Z is 8 June 2005, 12:00 (short: 8 Jun 2005).
    """
    try:
        when = datetime.fromisoformat(f"{period}-01" if len(period) == 7 else period)
    except ValueError:
        return period
    if len(period) != 7:
        return day(when, is_short) + ("" if is_short else _time_of(period, when))
    name = MONTHS[when.month - 1]
    return f"{name[:3] if is_short else name}{NBSP}{when.year}"


def without_year(label: str) -> str:
    """A label of ``period_label`` without its year, for a list in which a later one says it: 8 June, 12:00."""
    named, comma, time = label.partition(",")
    return f"{named.rsplit(NBSP, 1)[0]}{comma}{time}" if named[-4:].isdigit() else label


def _time_of(period: str, when: datetime) -> str:
    """A batch's time behind its day, to the second where it has one; nothing where the day is all."""
    return "" if len(period) == 10 else f", {when:%H:%M:%S}" if when.second else f", {when:%H:%M}"


def listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def in_words(value: int) -> str:
    """Small whole numbers as words, others as figures."""
    return _WORDS[value] if 0 <= value < len(_WORDS) else count(value)


_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def ordinal(value: int) -> str:
    """1 as first, 2 as second; from ten on 10th, 11th, 21st."""
    if 0 < value < len(_ORDINALS):
        return _ORDINALS[value]
    ending = "th" if value % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value:,}{ending}"


def rate(share: float | None) -> str:
    """A share as a percentage with one decimal always, for columns that are compared."""
    return UNKNOWN if share is None or not math.isfinite(share) else f"{share * 100:.1f}%"


def capital(sentence: str) -> str:
    """The sentence with its first letter raised."""
    return sentence[:1].upper() + sentence[1:]
