"""All figures of a run with the surroundings they were taken in: as a table, as JSON, and in a page of the docs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.table import Table

from benchmarks.figures import Figure

COLUMNS = ("figure", "value", "unit", "beside it", "ratio", "goal", "met")
MARKERS = "benchmarks"
BEGIN, END = f"<!-- {MARKERS}:begin -->", f"<!-- {MARKERS}:end -->"
"""Which markers of a page a table goes between, where the caller names no others."""


@dataclass(frozen=True)
class Report:
    """The ``figures`` of each benchmark by its name; ``command`` is what took them, ``taken_at`` in UTC."""

    command: str
    taken_at: str
    commit: str
    machine: Mapping[str, str | int | float]
    versions: Mapping[str, str]
    figures: Mapping[str, Sequence[Figure]]

    @property
    def is_met(self) -> bool:
        """Whether no goal is missed."""
        return all(figure.is_met is not False for figures in self.figures.values() for figure in figures)

    def as_json(self) -> str:
        """One object: `command`, `taken_at`, `commit`, `machine`, `versions`, and the list `figures`."""
        figures = [
            {"benchmark": benchmark, **figure.as_dict()}
            for benchmark, taken in self.figures.items()
            for figure in taken
        ]
        told = {
            "command": self.command,
            "taken_at": self.taken_at,
            "commit": self.commit,
            "machine": dict(self.machine),
            "versions": dict(self.versions),
            "figures": figures,
        }
        return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)

    def header(self) -> tuple[str, ...]:
        """What stands above the table, a line each."""
        machine = self.machine
        return (
            f"{self.command} at {self.taken_at}, commit {self.commit}",
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, "
            f"load {machine['load']} before",
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
        )

    def as_table(self) -> Group:
        """The header and the table for a terminal."""
        table = Table(*COLUMNS)
        for benchmark, figures in self.figures.items():
            table.add_section()
            table.add_row(f"[bold]{benchmark}[/bold]")
            for figure in figures:
                table.add_row(*row_of(figure))
        return Group(*self.header(), table)

    def as_markdown(self) -> str:
        """The header and the table for a page."""
        lines = [f"{line}.  " for line in self.header()]
        lines += ["", f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
        for benchmark, figures in self.figures.items():
            lines.append(f"| **{benchmark}** |{' |' * (len(COLUMNS) - 1)}")
            lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row_of(one))} |" for one in figures]
        return "\n".join(lines)


def row_of(figure: Figure) -> tuple[str, ...]:
    """A figure as a row of text, a cell for each of COLUMNS."""
    note = f" ({figure.note})" if figure.note else ""
    beside = f"{figure.beside}: {_number(figure.beside_number)}" if figure.beside else "-"
    is_met = {True: "yes", False: "NO", None: "-"}[figure.is_met]
    ratio = "-" if math.isnan(figure.ratio) else _number(figure.ratio)
    return (f"{figure.name}{note}", _number(figure.number), figure.unit, beside, ratio, _goal(figure), is_met)


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return "-"
    sign = "≥" if figure.better == "higher" else "≤"
    return f"{sign} {_number(figure.goal)}{' of it' if figure.is_goal_of_ratio else ''}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def replace_between_markers(page: Path, text: str, markers: str = MARKERS) -> None:
    """Put `text` between the markers of a page. Raises ValueError, changing nothing, where they are not both there."""
    first, last = (f"<!-- {markers}:{end} -->" for end in ("begin", "end"))
    whole = page.read_text(encoding="utf-8")
    before, begin, rest = whole.partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"{page} has no {first} and {last} after it: write both lines where the table belongs")
    page.write_text(f"{before}{first}\n{text}\n{last}{after}", encoding="utf-8")
