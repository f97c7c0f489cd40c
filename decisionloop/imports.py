"""How large libraries are loaded: with the garbage collector at rest, and without parts that nothing here uses."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from types import ModuleType
from typing import Any

_swapping = RLock()
_IRI_GRAMMAR = "rfc3987_syntax"


def leave_out_iri_grammar() -> None:
    """Let jsonschema, which Prefect loads, load without the grammar of IRIs: parsing it is half of Prefect's import.

    Where it cannot be had jsonschema takes any text for an IRI, and nothing here is one.
    """
    sys.modules.setdefault(_IRI_GRAMMAR, None)  # type: ignore[arg-type]  # so to import it is an ImportError


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection inside; what is loaded then stays, so no later collection walks through it either.

    A library makes hundreds of thousands of objects while it loads, none of them garbage, and the collector looks at
    all of them again and again: a tenth of the time of loading.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Modules of these names that are imported inside are loaded when one of their attributes is first asked for.

    Whoever imports them inside holds a stand-in for good; an import after this has the module itself, as always.
    A module that is loaded already stays what it is.
    """
    absent = [name for name in names if name not in sys.modules]
    stand_ins = {name: _Deferred(name) for name in absent}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for stand_in in stand_ins.values():
            stand_in.leave()


class _Deferred(ModuleType):
    """Stands for a module until somebody needs it."""

    def leave(self) -> None:
        """Let the next import of this name load the module."""
        name: str = ModuleType.__getattribute__(self, "__name__")
        with _swapping:
            if sys.modules.get(name) is self:
                del sys.modules[name]

    def __getattr__(self, attribute: str) -> Any:
        self.leave()
        return getattr(importlib.import_module(self.__name__), attribute)
