"""Declared equals realised: how often the product's intervals and alarms are wrong, beside how often they may be.

Every module of `benchmarks.declared` that has `ROWS` is asked; all of them call the product's own code on data whose
truth is known. A row misses its goal where the share of wrong answers is above what is declared by more than chance.
Rows are shared out among `PROCESSES`; what comes out does not depend on that, for every row has a seed of its own.
All of them are to take two idle cores less than 20 minutes: who adds a row chooses its runs by what one costs.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from scipy.stats import binom

from benchmarks import declared
from benchmarks.declared.row import Row
from benchmarks.figures import Figure

QUICK = 30
"""A quick run draws this many times fewer data sets."""
PROCESSES = max(1, min(2, os.cpu_count() or 1))


def measure(is_quick: bool) -> Iterator[Figure]:
    """Every row of every module; seeds depend on a row's own words, so that rows may be added freely."""
    rows = declared_rows()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        shares = pool.map(wrong_share, range(len(rows)), [is_quick] * len(rows))
        for row, wrong in zip(rows, shares, strict=True):
            yield figure_of(row, wrong, is_quick)


def figure_of(row: Row, wrong: float, is_quick: bool) -> Figure:
    """A row's line of the table; its goal is what a right answer exceeds in one of a thousand tables by chance."""
    runs = _runs(row, is_quick)
    most = float(binom.ppf(0.999, runs, row.declared)) / runs
    return Figure(f"{row.what}: {row.world}, {runs:,} runs", wrong, "wrong", "declared", row.declared, most, "lower")


def wrong_share(place: int, is_quick: bool) -> float:
    """The share of wrong answers of the row at that place of `declared_rows`, as a process of the pool takes it."""
    row = declared_rows()[place]
    return row.realised(_runs(row, is_quick), zlib.crc32(f"{row.what}: {row.world}".encode()))


def _runs(row: Row, is_quick: bool) -> int:
    return max(1, row.runs // QUICK) if is_quick else row.runs


def declared_rows() -> list[Row]:
    """The rows of every module of `benchmarks.declared`, in the order of the modules' names."""
    names = sorted(info.name for info in pkgutil.iter_modules(declared.__path__))
    modules = (importlib.import_module(f"{declared.__name__}.{name}") for name in names)
    return [row for module in modules for row in getattr(module, "ROWS", ())]
