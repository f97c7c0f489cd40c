"""Declared equals realised: how often the product's intervals and alarms are wrong, beside how often they may be.

Every module of `benchmarks.declared` that has `ROWS` is asked; all of them call the product's own code on data whose
truth is known. A row misses its goal where the share of wrong answers is above what is declared by more than chance.
"""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Iterator

from scipy.stats import binom

from benchmarks import declared
from benchmarks.declared.row import Row
from benchmarks.figures import Figure

QUICK = 15
"""A quick run draws this many times fewer data sets."""


def measure(is_quick: bool) -> Iterator[Figure]:
    """Every row of every module; seeds depend on a row's own words, so that rows may be added freely."""
    for row in declared_rows():
        runs = row.runs // QUICK if is_quick else row.runs
        wrong = row.realised(runs, zlib.crc32(f"{row.what}: {row.world}".encode()))
        most = float(binom.ppf(0.999, runs, row.declared)) / runs
        yield Figure(f"{row.what}: {row.world}, {runs:,} runs", wrong, "wrong", "declared", row.declared, most, "lower")


def declared_rows() -> list[Row]:
    """The rows of every module of `benchmarks.declared`, in the order of the modules' names."""
    names = sorted(info.name for info in pkgutil.iter_modules(declared.__path__))
    modules = (importlib.import_module(f"{declared.__name__}.{name}") for name in names)
    return [row for module in modules for row in getattr(module, "ROWS", ())]
