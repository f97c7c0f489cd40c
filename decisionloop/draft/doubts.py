"""What a person should look at in a table, though it can be read: categories that look alike, impossible numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from decisionloop.draft.profiles import Column

_AGE = frozenset(("age", "alter", "edad", "eta", "idade", "alder"))
_OLDEST = 120
"""Years; an age that is said in shorter times is as many of these."""
_A_YEAR = {
    **dict.fromkeys(("month", "months", "monat", "monate", "monaten", "mois", "mes", "meses", "mesi"), 12.0),
    **dict.fromkeys(("week", "weeks", "woche", "wochen"), 365.25 / 7),
    **dict.fromkeys(("day", "days", "tag", "tage", "tagen", "jours", "dias", "giorni"), 365.25),
    **dict.fromkeys(("hour", "hours"), 365.25 * 24),
}
_FEW = 0.01
"""So large a share of a column's numbers at most is of a kind that the others are not."""
_NINES = np.array([10.0**digits - 1 for digits in range(2, 16)])
"""99, 999 and so on, as far as a floating-point number can tell them from the next one."""
_FAR = 3.0
"""A row of nines that is so many times the largest other number stands for one that nobody knew."""
_LONG, _RARE = 5, 0.2
"""A word of so many letters that differs in one from another one, and comes at most so often as that, is a slip."""
_NAMED = 3


def doubts_of(columns: Mapping[str, Column], names: Sequence[str]) -> tuple[str, ...]:
    """What looks wrong in the columns ``names``, in words; nothing is changed for it."""
    told = [
        f"{name}: {doubt}"
        for name in dict.fromkeys(one for one in names if one in columns)
        for doubt in (*_alike(columns[name]), *_impossible(columns[name]))
    ]
    return tuple(told)


def _alike(column: Column) -> Iterator[str]:
    """Categories that are spelt nearly alike."""
    if column.kind != "category":
        return
    pairs = list(_nearly_equal(column))
    if pairs:
        shown = ", ".join(f"{rare!r} and {usual!r}" for rare, usual in pairs[:_NAMED])
        more = f" and {len(pairs) - _NAMED:,} more" if len(pairs) > _NAMED else ""
        yield f"{shown}{more} may be one, and are kept as two: write them alike"


def _nearly_equal(column: Column) -> Iterator[tuple[str, str]]:
    """Pairs of a category and a more usual one that differ in capitals and signs, or a seldom one in one letter."""
    often = column.text.value_counts()
    usual: dict[str, str] = {}
    for one in column.values:  # the most frequent first
        plain = _plain(one)
        keys = {plain, *_without_a_letter(plain)} if plain else set()
        found = next((usual[key] for key in sorted(keys, key=lambda key: (key != plain, key)) if key in usual), None)
        if found is not None and (_plain(found) == plain or often[one] <= _RARE * often[found]):
            yield one, found
        for key in keys:
            usual.setdefault(key, one)


def _plain(category: str) -> str:
    return re.sub(r"[\W_]+", " ", category.casefold()).strip()


def _without_a_letter(plain: str) -> Iterator[str]:
    """The category without one letter of a long word: two that share such a one differ in one letter."""
    for word in re.finditer(r"[^\W\d_]+", plain):
        if len(word[0]) >= _LONG - 1:
            for place in range(word.start(), word.end()):
                yield f"{plain[:place]}{plain[place + 1 :]}"


def _impossible(column: Column) -> Iterator[str]:
    """Numbers that can hardly be meant: an age of 140, a few below nothing, 9999 among small ones."""
    if column.numbers is None or column.kind not in {"integer", "number"} or column.is_binary:
        return
    known = column.numbers.dropna().to_numpy(dtype=np.float64)
    words = column.name.casefold().split("_")
    if _AGE & set(words):
        oldest = _OLDEST * max((_A_YEAR[one] for one in words if one in _A_YEAR), default=1.0)
        odd = known[(known < 0) | (known > oldest)]
        if len(odd):
            yield f"{_shown(odd)} nobody's age: leave such cells empty"
        return
    below = known[known < 0]
    if 0 < len(below) <= _FEW * len(known):
        yield f"{_shown(below)} below nothing, where no other is: leave it empty if it stands for something else"
    nines = known[np.isin(known, _NINES)]
    if 0 < len(nines) < len(known):
        others = np.abs(known[~np.isin(known, nines)])
        far = nines[nines > _FAR * others.max()]
        if len(far):
            yield f"{_shown(far)} far from every other: leave it empty if it says that nobody knows"


def _shown(odd: np.ndarray) -> str:
    """The number that comes most, and how many cells there are of such."""
    first = Counter(odd.tolist()).most_common(1)[0][0]
    return f"{first:g} " + ("in 1 cell is" if len(odd) == 1 else f"and its like in {len(odd):,} cells are")
