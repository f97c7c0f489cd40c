"""A user's files run as modules of private names: nothing on ``sys.path``, no bytecode, two use cases never meet.

A file may import a package that lies beside it (``from .world import World``), and installed packages.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

_PREFIX = "_decisionloop_"


def run_file(path: Path) -> ModuleType:
    """Run ``path`` as a module of a private package, whose name changes with what it and its neighbours contain.

    Raises whatever the file raises; the failed module is forgotten.
    """
    source = path.read_bytes()
    content = str(path).encode() + source + digest_of(package_files(path.parent), path.parent).encode()
    package = _private_package(f"{_PREFIX}{hashlib.sha256(content).hexdigest()[:16]}", path.parent)
    module = ModuleType(f"{package}.{path.stem}")
    module.__file__, module.__package__ = str(path), package
    sys.modules[module.__name__] = module  # dataclasses and pickles of the file look their module up by name
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def package_files(folder: Path) -> tuple[Path, ...]:
    """Every Python file of the packages (folders with an ``__init__.py``) that lie directly in ``folder``, sorted."""
    packages = [one.parent for one in folder.glob("*/__init__.py")]
    return tuple(sorted(file for package in packages for file in package.rglob("*.py")))


def digest_of(files: Sequence[Path], folder: Path) -> str:
    """sha256 of the names, relative to ``folder``, and the contents of ``files``."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def _private_package(name: str, folder: Path) -> str:
    """A package whose neighbours are those of ``folder``; made once."""
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    if not any(isinstance(finder, _PackagesBeside) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PackagesBeside())  # before the one that would cache bytecode
    return name


class _PackagesBeside(MetaPathFinder):
    """Finds packages beside a user's file, and what is inside of them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module of that name if it is a private one; raises ModuleNotFoundError where there is no file for it."""
        if not fullname.startswith(_PREFIX):
            return None
        name, is_beside = fullname.rpartition(".")[2], fullname.count(".") == 1
        for file in _candidates(path or (), name, is_beside):
            if file.is_file():
                inside = [str(file.parent)] if file.name == "__init__.py" else None
                loader = _UncachedLoader(fullname, str(file))
                return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=inside)
        raise ModuleNotFoundError(f"No module named {name!r} in {', '.join(path or ())}", name=fullname)


def _candidates(folders: Sequence[str], name: str, is_beside: bool) -> Iterator[Path]:
    for folder in folders:
        yield Path(folder, name, "__init__.py")
        if not is_beside:  # single files beside a user's file stay apart: their order of running is the framework's
            yield Path(folder, f"{name}.py")


class _UncachedLoader(SourceFileLoader):
    """Compiles what is there now: no bytecode is read, so no change is missed, and none is left behind."""

    def path_stats(self, path: str) -> dict[str, float]:
        """Says that nothing is cached."""
        raise OSError(path)

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Keeps nothing."""
