"""One byte per feature: values become codes on the model's own bin edges and categories.

A code is a bin number; the last code of every feature means "missing". Everything downstream of here (scores,
contributions, drift histograms) is a table look-up on codes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from decisionloop.errors import UsageError
from decisionloop.predict.few_rows import plain_columns, plain_numbers, plain_texts
from decisionloop.predict.scorer.engine import EngineName, in_parts, kernels, resolve_engine

FEW_ROWS = 256
"""Below this, finding repeated rows costs more than scoring them again."""

MANY_DISTINCT = 0.9
"""With a larger share of different rows than this, every row is scored."""

MAX_CODES = 256
"""A code is one byte; with the code for missing a feature has at most 255 bins or categories."""


def numeric_codes(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """Bin ``values`` (n,): code i means edges[i-1] < value <= edges[i]; ``len(edges) + 1`` means missing.

    ``edges`` ascend. -inf falls into the first bin and +inf into the last one.
    """
    codes = np.searchsorted(edges, values, side="left")
    codes[np.isnan(values)] = len(edges) + 1
    return codes


@dataclass(frozen=True, eq=False)
class NumericBins:
    """A number feature: ``edges`` (E,) ascending give E + 1 bins and one code for missing."""

    name: str
    edges: NDArray[np.float64]

    @cached_property
    def padded_edges(self) -> NDArray[np.float64]:
        """The edges (256,), with +inf after the last: nothing lies above it, hence no code counts it."""
        return np.append(self.edges, np.full(MAX_CODES - len(self.edges), np.inf))

    @property
    def size(self) -> int:
        """How many codes there are, missing included."""
        return len(self.edges) + 2

    def numbers(self, column: pd.Series) -> NDArray[np.float64]:
        """The column's values (n,), NaN where missing; raises UsageError when it does not hold numbers."""
        if column.dtype == np.float64:
            return column.to_numpy()
        try:
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"feature {self.name!r} must hold numbers, but its column has dtype {column.dtype}: {error}. "
                "Give it as float64 with NaN for missing."
            ) from error

    def encode(self, column: pd.Series) -> NDArray[np.intp]:
        """Codes (n,) of a numeric column."""
        return numeric_codes(self.numbers(column), self.edges)


@dataclass(frozen=True, eq=False)
class CategoryBins:
    """A category feature: one code per category, and the last code for missing.

    With ``has_rest`` the code before the last is for every other text: those that were too rare to have a code of
    their own, and those that training never saw. Without it what is unseen counts as missing.
    """

    name: str
    categories: tuple[str, ...]
    has_rest: bool = False

    @property
    def size(self) -> int:
        """How many codes there are, missing included."""
        return len(self.categories) + self.has_rest + 1

    @property
    def unseen(self) -> int:
        """The code of a text that is none of the categories."""
        return len(self.categories)

    def encode(self, column: pd.Series) -> NDArray[np.intp]:
        """Codes (n,) of a text column."""
        if isinstance(column.dtype, pd.StringDtype) and column.dtype.storage == "pyarrow":
            codes = self._find_arrow(pa.array(column))
        else:
            codes = pd.Index(self.categories, dtype="str").get_indexer(pd.Index(column))
            codes = np.where(codes < 0, self.unseen, codes)
        if self.has_rest and column.hasnans:
            codes[column.isna().to_numpy()] = self.size - 1
        return codes

    def encode_texts(self, texts: Sequence[str | None]) -> NDArray[np.intp]:
        """The same of a few texts (n,), None where missing: to look them up costs less than to set up a search."""
        find, unseen = self._by_text.get, self.unseen
        return np.array([find(text, unseen) for text in texts], dtype=np.intp)

    @cached_property
    def _by_text(self) -> dict[str | None, int]:
        missing = {None: self.size - 1} if self.has_rest else {}
        return {text: code for code, text in enumerate(self.categories)} | missing

    def _find_arrow(self, column: pa.Array | pa.ChunkedArray) -> NDArray[np.intp]:
        found = pc.index_in(column, value_set=pa.array(self.categories, type=column.type))
        return pc.fill_null(found, self.unseen).to_numpy(zero_copy_only=False).astype(np.intp)


Bins = NumericBins | CategoryBins


def encode_frame(
    bins: Sequence[Bins], frame: pd.DataFrame, engine: EngineName = "numpy", threads: int = 1
) -> NDArray[np.uint8]:
    """Codes (F, n) of a frame's rows, one row of the result per feature; other columns are ignored.

    Raises UsageError naming the columns that the frame lacks or has twice.
    """
    single: Mapping[str, object] = plain_columns(frame) or {
        name: found for name, found in Counter(frame.columns).items() if found == 1
    }
    wrong = [item.name for item in bins if item.name not in single]
    if wrong:
        raise UsageError(
            f"the frame to score must have exactly one column for each feature of the model; missing or doubled: "
            f"{', '.join(wrong)}. Its columns are: {', '.join(map(str, frame.columns))}. "
            "Give the frame every feature in the contract that this model was trained under."
        )
    codes = np.empty((len(bins), len(frame)), dtype=np.uint8)
    is_numba = resolve_engine(engine, len(frame)) == "numba"
    numbers = [(i, item) for i, item in enumerate(bins) if is_numba and isinstance(item, NumericBins)]
    for i, item in enumerate(bins):
        if not (is_numba and isinstance(item, NumericBins)):
            codes[i] = _encoded(item, frame)
    if numbers:
        _bin_numbers(numbers, frame, codes, threads)
    return codes


def _encoded(item: Bins, frame: pd.DataFrame) -> NDArray[np.intp]:
    texts = plain_texts(frame, item.name) if isinstance(item, CategoryBins) else None
    if texts is None or isinstance(item, NumericBins):
        return item.encode(frame[item.name])
    return item.encode_texts(texts)


def _numbers(item: NumericBins, frame: pd.DataFrame) -> NDArray[np.float64]:
    plain = plain_numbers(frame, item.name)
    return item.numbers(frame[item.name]) if plain is None else plain


def _bin_numbers(
    numbers: Sequence[tuple[int, NumericBins]], frame: pd.DataFrame, codes: NDArray[np.uint8], threads: int
) -> None:
    """Write the codes of number features to their rows of ``codes`` (F, n), by the compiled search."""
    search = kernels().bin_numbers
    jobs = [(_numbers(item, frame), item.padded_edges, item.size - 1, codes[i]) for i, item in numbers]

    def part(start: int, stop: int) -> None:
        for values, edges, missing, row in jobs:
            search(values, edges, missing, start, stop, row)

    in_parts(part, codes.shape[1], threads)


def distinct_rows(codes: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find repeated rows of ``codes`` (F, n): ``first`` (m,), ``inverse`` (n,).

    ``codes[:, first]`` are the different rows, and ``codes[:, first][:, inverse]`` is ``codes``.
    Exact: eight codes at a time fill a 64-bit word, and words are joined through their own ranks, so that no two
    different rows can meet.
    """
    rank = np.zeros(codes.shape[1], dtype=np.int64)
    for start in range(0, len(codes), 8):
        word = np.zeros(codes.shape[1], dtype=np.uint64)
        for shift, row in enumerate(codes[start : start + 8]):
            word |= row.astype(np.uint64) << np.uint64(8 * shift)
        word_rank, words = pd.factorize(word)
        rank = pd.factorize(rank * len(words) + word_rank)[0]
    inverse = rank.astype(np.intp)
    first = np.empty(int(inverse.max(initial=-1)) + 1, dtype=np.intp)
    first[inverse] = np.arange(codes.shape[1])
    return first, inverse


def once_per_distinct_row(
    compute: Callable[[NDArray[np.uint8]], NDArray[np.float64]], codes: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """``compute(codes)`` of ``codes`` (F, n), whose result has n rows, computed once for each different row.

    Where a sample of the rows says that few repeat, all are computed: looking for repeats would cost more.
    """
    if codes.shape[1] < FEW_ROWS or not _may_repeat(codes):
        return compute(codes)
    first, inverse = distinct_rows(codes)
    if len(first) > MANY_DISTINCT * codes.shape[1]:
        return compute(codes)
    return compute(codes[:, first])[inverse]


def _may_repeat(codes: NDArray[np.uint8]) -> bool:
    """Whether 4 sqrt(n) of the n rows hold a repeat. Were half of all rows repeats, some 16 pairs would meet."""
    rows = codes.shape[1]
    drawn = np.random.default_rng(rows).integers(0, rows, 4 * math.isqrt(rows))
    sample = np.ascontiguousarray(codes[:, np.unique(drawn)].T)
    return len(np.unique(sample.view(f"V{len(codes)}"))) < len(sample)
