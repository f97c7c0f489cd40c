"""Margins and contributions of one coded row: compiled where numba is installed, else by numpy, with the same bits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from decisionloop.predict.online.tables import RowShapley, RowTrees, frozen, row_shapley, row_trees
from decisionloop.predict.scorer.codes import Bins, NumericBins
from decisionloop.predict.scorer.engine import EngineName, row_kernels
from decisionloop.predict.scorer.flat import WORD_BLOCKS, flat_bins
from decisionloop.predict.scorer.scorecard import ScorecardTables
from decisionloop.predict.scorer.trees import TreeTables

Codes = NDArray[np.uint8]
Values = NDArray[np.float64]


class RowEncoder(Protocol):
    """Turns the values (F,) that `online_rows.RowReader` read into codes (F,)."""

    def codes(self, values: Values) -> Codes: ...


class RowTables(Protocol):
    """Tables that answer for one coded row."""

    def margin(self, codes: Codes) -> float: ...
    def contributions(self, codes: Codes) -> NDArray[np.float64]: ...


class CompiledEncoder:
    """`RowEncoder` in compiled code; ``order`` as `online_rows.RowReader`."""

    def __init__(self, bins: tuple[Bins, ...], order: NDArray[np.int64]) -> None:
        flat = flat_bins(bins)
        self._encode = row_kernels().encode_row
        self.arguments = (frozen(order), frozen(flat.edges), frozen(flat.missing), frozen(flat.is_number))

    def codes(self, values: Values) -> Codes:
        """The codes (F,)."""
        codes = np.empty(len(values), dtype=np.uint8)
        self._encode(values, *self.arguments, codes)
        return codes


class PlainEncoder:
    """`RowEncoder` in plain Python."""

    def __init__(self, bins: tuple[Bins, ...], order: NDArray[np.int64]) -> None:
        self._of = [_encoding(bins[feature]) for feature in order]
        self._order = order

    def codes(self, values: Values) -> Codes:
        """The codes (F,)."""
        codes = np.empty(len(values), dtype=np.uint8)
        codes[self._order] = [encode(value) for encode, value in zip(self._of, values.tolist(), strict=True)]
        return codes


def _encoding(bins: Bins) -> Callable[[float], int]:
    if not isinstance(bins, NumericBins):
        return int
    edges, missing = bins.edges.tolist(), bins.size - 1
    return lambda value: missing if value != value else bisect_left(edges, value)


class CompiledTrees:
    """Boosted trees in compiled code; everything is laid out and loaded when it is made."""

    def __init__(self, tables: TreeTables) -> None:
        compiled = row_kernels()
        self._tables = tables
        self.trees = row_trees(tables)
        self.is_empty = not len(self.trees.used)
        self._shapley = _row_shapley(tables, "numba")
        self._margin, self._contributions = compiled.trees_margin, compiled.trees_contributions

    def margin(self, codes: Codes) -> float:
        """The margin."""
        return self.trees.baseline if self.is_empty else self._margin(codes, *self.trees)

    def contributions(self, codes: Codes) -> NDArray[np.float64]:
        """The Shapley values (F,)."""
        if self._shapley is None:
            return self._tables.contributions(codes[:, None], "numba")[0]
        out = np.empty(len(codes))
        self._contributions(codes, *self._shapley, out)
        return out


class PlainTrees:
    """Boosted trees by numpy."""

    def __init__(self, tables: TreeTables) -> None:
        self._tables = tables
        self._trees: RowTrees = row_trees(tables)
        self._shapley = _row_shapley(tables, "numpy")
        self._blocks = None if self._shapley is None else _Blocks(self._shapley)

    def margin(self, codes: Codes) -> float:
        """The margin."""
        trees = self._trees
        if not len(trees.used):
            return trees.baseline
        leaves = np.bitwise_and.reduce(trees.word[trees.offset + codes[trees.used]], axis=0)
        terms = trees.value[trees.value_start[:-1] + np.bitwise_count(leaves - trees.word.dtype.type(1))]
        return float(np.add.accumulate(np.append(trees.baseline, terms))[-1])  # one after the other, as everywhere

    def contributions(self, codes: Codes) -> NDArray[np.float64]:
        """The Shapley values (F,)."""
        if self._shapley is None or self._blocks is None:
            return self._tables.contributions(codes[:, None], "numpy")[0]
        states = np.zeros(self._shapley.words, dtype=np.uint64)
        for target, word in self._shapley.selected(codes):
            np.add.at(states, target, word)
        out = np.zeros(len(codes))
        np.add.at(out, self._shapley.column, self._blocks.values(states))
        return out


class _Blocks:
    """Where the values of every block's state lie."""

    def __init__(self, tables: RowShapley) -> None:
        blocks = np.diff(tables.block_start)
        self._word = np.repeat(np.arange(tables.words), blocks)
        place = np.arange(len(self._word)) - np.repeat(tables.block_start[:-1], blocks)
        self._shift = (place * (64 // WORD_BLOCKS)).astype(np.uint64)
        self._width = np.diff(tables.column_start)
        self._within = np.arange(len(tables.column)) - np.repeat(tables.column_start[:-1], self._width)
        self._start = tables.value_start[: len(self._width)]
        self._value = tables.value

    def values(self, states: NDArray[np.uint64]) -> NDArray[np.float64]:
        """The values of all blocks' columns, in their order."""
        state = (states[self._word] >> self._shift & np.uint64(0xFFFF)).astype(np.int64)
        return self._value[np.repeat(self._start + self._width * state, self._width) + self._within]


class Scorecard:
    """A scorecard: so few additions that both engines are this one."""

    def __init__(self, tables: ScorecardTables) -> None:
        self._intercept, self._points = tables.intercept, tables.points.tolist()
        self._tables = tables

    def margin(self, codes: Codes) -> float:
        """The margin."""
        total = self._intercept
        for points, code in zip(self._points, codes.tolist(), strict=True):
            total += points[code]
        return float(total)

    def contributions(self, codes: Codes) -> NDArray[np.float64]:
        """The Shapley values (F,)."""
        return self._tables.points[np.arange(len(codes)), codes] - self._tables.mean


def row_tables(tables: TreeTables | ScorecardTables, is_compiled: bool) -> RowTables:
    """The tables of a scorer for one row."""
    if isinstance(tables, ScorecardTables):
        return Scorecard(tables)
    return CompiledTrees(tables) if is_compiled else PlainTrees(tables)


def _row_shapley(tables: TreeTables, engine: EngineName) -> RowShapley | None:
    """None where leaves lie behind so many features that they have no tables: the batch engines answer those."""
    flat, paths = tables.shapley(engine)
    return None if len(paths.value) else row_shapley(flat, np.array(tables.sizes, dtype=np.int64))
