"""Which engine computes: numba where it is installed, else numpy. Both give the same bits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from types import ModuleType
from typing import Literal

from decisionloop.errors import ConfigurationError

EngineName = Literal["auto", "numba", "numpy"]

PART_ROWS = 4096
"""A thread with fewer rows than this is not worth its start."""


def resolve_engine(engine: EngineName) -> Literal["numba", "numpy"]:
    """The engine that ``engine`` means here. Raises ConfigurationError for "numba" where it is not installed."""
    if engine == "numpy":
        return "numpy"
    if has_numba():
        return "numba"
    if engine == "numba":
        raise ConfigurationError(
            "the scorer's engine is set to 'numba', but numba is not installed. "
            "Install decisionloop[fast], or set the engine to 'auto' or 'numpy'."
        )
    return "numpy"


def has_numba() -> bool:
    """Whether numba can be imported; looked up without importing it."""
    try:
        return find_spec("numba") is not None
    except (ImportError, ValueError):
        return False


@cache
def kernels() -> ModuleType:
    """The compiled kernels: from numba's cache on disk, or compiled now (some seconds) where it holds none.

    Nothing is compiled after this. The cache lies beside the package, or where that cannot be written in the
    user's cache folder or ``NUMBA_CACHE_DIR``; where none of them can be written, in a temporary folder.
    """
    import numba

    name = "decisionloop.predict.scorer.numba_kernels"
    try:
        return import_module(name)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        numba.config.CACHE_DIR = tempfile.mkdtemp(prefix="decisionloop-numba-")
        return import_module(name)


def in_parts(compute: Callable[[int, int], object], rows: int, threads: int) -> None:
    """Call ``compute(start, stop)`` for all ``rows``, cut into one part for each thread; the kernels release the GIL."""
    count = max(1, min(threads, rows // PART_ROWS))
    if count == 1:
        compute(0, rows)
        return
    bounds = [rows * i // count for i in range(count + 1)]
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(compute, *part) for part in pairwise(bounds)]:
            done.result()
