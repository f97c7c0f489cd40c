"""Which engine computes: numba where it is installed, else numpy. Both give the same bits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from threading import RLock
from types import FunctionType, ModuleType
from typing import Any, Literal, TypeVar

from decisionloop.errors import ConfigurationError

EngineName = Literal["auto", "numba", "numpy"]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_LOADING = RLock()

WARM_UP_ROWS = 50_000
"""Fewer rows than this are done in numpy sooner than numba is loaded."""

DERIVING_ROWS = 16
"""Deriving the Shapley tables of a leaf takes numpy as long as explaining so many rows."""

KERNEL_MODULES = (
    "decisionloop.predict.scorer.numba_kernels",
    "decisionloop.predict.scorer.numba_tables",
    "decisionloop.predict.reasons.kernel",
    "decisionloop.predict.online.kernels",
    "decisionloop.act.hash_kernel",
)
"""Every module of kernels: scores, tables, reasons in bulk, one row, hashes of ids."""

PART_ROWS = 4096
"""A thread with fewer rows than this is not worth its start."""


def resolve_engine(engine: EngineName, rows: int | None = None) -> Literal["numba", "numpy"]:
    """The engine that ``engine`` means here, for so many ``rows`` (None: for many).

    "auto" leaves a few rows to numpy while numba is not loaded: loading it would take longer than they do.
    Raises ConfigurationError for "numba" where it is not installed.
    """
    if engine == "numba" and not has_numba():
        raise ConfigurationError(
            "the scorer's engine is set to 'numba', but numba is not installed. "
            "Install decisionloop[fast], or set the engine to 'auto' or 'numpy'."
        )
    if engine == "auto":
        is_worth_it = rows is None or rows >= WARM_UP_ROWS or kernels.cache_info().currsize > 0
        return "numba" if is_worth_it and has_numba() else "numpy"
    return engine


def has_numba() -> bool:
    """Whether numba can be imported; looked up without importing it."""
    try:
        return find_spec("numba") is not None
    except (ImportError, ValueError):
        return False


def compile_kernels() -> None:
    """Compile every kernel that numba's cache on disk does not hold: once after installing, so that no process waits.

    Takes some seconds where nothing is cached, else some tenths. Raises ConfigurationError where numba is not
    installed or its cache cannot be written.
    """
    resolve_engine("numba")
    for name in KERNEL_MODULES:
        load_kernels(name)


@cache
def kernels() -> ModuleType:
    """The kernels that read tables, ``numba_kernels``, compiled; see ``load_kernels``."""
    return load_kernels(KERNEL_MODULES[0])


@cache
def table_kernels() -> ModuleType:
    """The kernels that derive tables, ``numba_tables``, compiled; see ``load_kernels``."""
    return load_kernels(KERNEL_MODULES[1])


@cache
def reason_kernels() -> ModuleType:
    """The kernels that write reasons, ``reasons_kernel``, compiled; see ``load_kernels``."""
    return load_kernels(KERNEL_MODULES[2])


@cache
def row_kernels() -> ModuleType:
    """The kernels of one row, ``online_kernels``, compiled; see ``load_kernels``."""
    return load_kernels(KERNEL_MODULES[3])


@cache
def hash_kernels() -> ModuleType:
    """The kernels that hash ids, ``act.hash_kernel``, compiled; see ``load_kernels``."""
    return load_kernels(KERNEL_MODULES[4])


@cache
def load_kernels(name: str) -> ModuleType:
    """The module ``name`` with its kernels compiled: from numba's cache on disk, else now, which takes some seconds.

    Nothing is compiled after this. The cache lies beside the package, or where that cannot be written in the user's
    cache folder. Raises ConfigurationError where neither can be written.
    """
    import numba

    module = import_module(name)
    with _LOADING:
        for key, function in list(vars(module).items()):
            if isinstance(function, FunctionType) and "signatures" in vars(function):
                try:
                    compiled = numba.njit(vars(function)["signatures"], nogil=True, cache=True)(function)
                except RuntimeError as error:
                    raise ConfigurationError(
                        f"numba cannot keep its compiled code: {error}. Set NUMBA_CACHE_DIR to a folder that can be "
                        "written, or the scorer's engine to 'numpy'."
                    ) from error
                setattr(module, key, compiled)
    return module


def kernel(*signatures: object) -> Callable[[Kernel], Kernel]:
    """Mark a function that ``load_kernels`` compiles for these numba ``signatures``; until then it is plain Python.

    So importing a module of kernels neither compiles nor touches a file. A kernel may call those above it.
    """

    def mark(function: Kernel) -> Kernel:
        vars(function)["signatures"] = list(signatures)
        return function

    return mark


def in_parts(compute: Callable[[int, int], object], rows: int, threads: int) -> None:
    """Call ``compute(start, stop)`` for all ``rows``, in one part for each thread; the kernels release the GIL."""
    count = max(1, min(threads, rows // PART_ROWS))
    if count == 1:
        compute(0, rows)
        return
    bounds = [rows * i // count for i in range(count + 1)]
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(compute, *part) for part in pairwise(bounds)]:
            done.result()
