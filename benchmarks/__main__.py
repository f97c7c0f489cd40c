"""`python -m benchmarks [NAME…] [--quick] [--json]`: measure what is claimed, beside a floor or a peer.

Every module here with a `measure` is a benchmark. Peers that cannot live beside our pins get an environment of their
own, made once in $DECISIONLOOP_BENCHMARK_HOME (default ~/.cache/decisionloop/benchmarks).
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from rich.console import Console

import benchmarks
from benchmarks.figures import Figure
from benchmarks.report import MARKERS, Report, replace_between_markers, row_of
from benchmarks.surroundings import commit, machine, versions


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that were named (all by default); exit code 1 where a goal is missed."""
    names = benchmark_names()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer rows, so that all take less than four minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--markdown", type=Path, metavar="PAGE", help="also write the table between a page's markers")
    parser.add_argument("--markers", default=MARKERS, metavar="NAME", help="which markers of the page")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(names))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names)}")
    report = _measured(asked.names or names, is_quick=asked.quick)
    if asked.markdown:
        replace_between_markers(asked.markdown, report.as_markdown(), asked.markers)
    if asked.json:
        print(report.as_json())
    else:
        Console(width=None if sys.stdout.isatty() else 180).print(report.as_table())
    return 0 if report.is_met else 1


def benchmark_names() -> list[str]:
    """The modules here that have a `measure(is_quick: bool) -> Iterable[Figure]`, without importing the rest."""
    folder = Path(benchmarks.__path__[0])
    names = sorted(info.name for info in pkgutil.iter_modules(benchmarks.__path__) if not info.ispkg)
    return [name for name in names if "\ndef measure(" in (folder / f"{name}.py").read_text(encoding="utf-8")]


def command_of(names: list[str], is_quick: bool) -> str:
    """What takes these figures again, as it stands above them."""
    every = names == benchmark_names()
    return " ".join(["python -m benchmarks", *(() if every else names), *(["--quick"] if is_quick else [])])


def _measured(names: list[str], is_quick: bool) -> Report:
    """Run the benchmarks one after another; each figure is told on standard error as soon as it is there."""
    taken_at, where, measured = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), machine(), commit()
    figures: dict[str, list[Figure]] = {}
    for name in names:
        start = time.perf_counter()
        figures[name] = list(_told(name, _figures(name, is_quick)))
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return Report(command_of(names, is_quick), taken_at, measured, where, versions(), figures)


def _figures(name: str, is_quick: bool) -> Iterator[Figure]:
    """The figures of a benchmark. Where it breaks, a figure without a value says so and misses its goal."""
    try:
        module: ModuleType = importlib.import_module(f"benchmarks.{name}")
        yield from module.measure(is_quick=is_quick)
    except Exception as error:
        traceback.print_exc()
        yield Figure("the rest of it", None, "", goal=0.0, note=f"broke: {type(error).__name__}: {error}")


def _told(name: str, figures: Iterator[Figure]) -> Iterator[Figure]:
    for figure in figures:
        print(f"{name}: {'  '.join(row_of(figure))}", file=sys.stderr, flush=True)
        yield figure


if __name__ == "__main__":
    sys.exit(main())
