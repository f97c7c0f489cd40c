"""One row as a mapping of feature names to values becomes numbers, in an order of its own: no frame, no pandas."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from decisionloop.errors import UsageError
from decisionloop.predict.scorer.codes import Bins, CategoryBins

Value = float | int | bool | str | None
Row = Mapping[str, Value]

MISSING = float("nan")


class RowReader:
    """Reads rows for ``bins`` (F features): numbers as they are, categories as their codes.

    ``order`` (F,): the feature of each place of `values`; number features come first.
    """

    def __init__(self, bins: Sequence[Bins]) -> None:
        is_category = np.array([isinstance(item, CategoryBins) for item in bins], dtype=bool)
        self.order: NDArray[np.int64] = np.argsort(is_category, kind="stable").astype(np.int64)
        names = [bins[i].name for i in self.order]
        self._numbers = names[: len(names) - int(is_category.sum())]
        self._categories = [(bins[i].name, _codes(bins[i])) for i in self.order[len(self._numbers) :]]
        self._maps = [codes for _, codes in self._categories]
        self._fetch: Callable[[Row], Sequence[Any]] = _fetcher(names)
        self._pack = struct.Struct(f"={len(names)}d").pack

    def values(self, row: Row) -> NDArray[np.float64]:
        """The values (F,) of one row, read-only; None and NaN mean missing.

        Raises UsageError naming a feature that the row lacks or that holds something else than its type.
        """
        try:
            found = self._fetch(row)
            count = len(self._numbers)
            codes = [codes[value] for codes, value in zip(self._maps, found[count:], strict=True)]
            return np.frombuffer(self._pack(*found[:count], *codes))
        except (KeyError, TypeError, OverflowError, struct.error):
            return self._values_one_by_one(row)

    def _values_one_by_one(self, row: Row) -> NDArray[np.float64]:
        """What the quick way cannot read: missing numbers, and everything wrong."""
        found = read_one_by_one(row, self._numbers, [name for name, _ in self._categories])
        count = len(self._numbers)
        codes = [known[text] for known, text in zip(self._maps, found[count:], strict=True)]
        return np.frombuffer(self._pack(*found[:count], *codes))


def read_one_by_one(row: Row, numbers: Sequence[str], categories: Sequence[str]) -> list[Any]:
    """The row's ``numbers``, NaN for missing, then its ``categories``, None for missing.

    Raises UsageError naming features that the row lacks, or one that holds something else than its type.
    """
    lacking = [name for name in [*numbers, *categories] if name not in row]
    if lacking:
        raise UsageError(
            f"the row to score lacks {', '.join(lacking)}. Give every feature of the model; None means missing."
        )
    return [*(_number(name, row[name]) for name in numbers), *(_category(name, row[name]) for name in categories)]


def _fetcher(names: Sequence[str]) -> Callable[[Row], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: [row[name] for name in names]


class _Codes(dict[str | None, float]):
    """The code of each category, of None, and of every other text."""

    def __init__(self, bins: CategoryBins) -> None:
        super().__init__({category: float(code) for code, category in enumerate(bins.categories)})
        self[None] = float(bins.size - 1)
        self._unseen = float(bins.unseen)

    def __missing__(self, value: object) -> float:
        """The code of a text that is none of the categories; what is no text has none."""
        if isinstance(value, str):
            return self._unseen
        raise KeyError(value)


def _codes(bins: Bins) -> _Codes:
    assert isinstance(bins, CategoryBins)
    return _Codes(bins)


def _number(name: str, value: object) -> float:
    if value is None:
        return MISSING
    try:
        return float(struct.unpack("=d", struct.pack("=d", value))[0])  # unlike float(), this takes no text
    except (TypeError, OverflowError, struct.error) as error:
        raise UsageError(
            f"feature {name!r} must be a number, but is {value!r}: {error}. Give a number, or None for missing."
        ) from error


def _category(name: str, value: object) -> str | None:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and value != value):
        return None
    raise UsageError(f"feature {name!r} must be text, but is {value!r}. Give a category, or None for missing.")
