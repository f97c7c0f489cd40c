"""A contract's YAML as it was written: unquoted scalars keep their spelling, every value keeps its line.

``007``, ``1.0``, ``no`` and ``20:00`` stay what they are until the contract says of which type they are. Whatever
lets a reader and the program understand different things is a fault: a key given twice, tags, a second document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from decisionloop.errors import Fault

Path = tuple[str | int, ...]
_NULLS = {"", "~", "null", "Null", "NULL"}
_DEEPEST, _MOST_VALUES = 20, 20_000


class Plain(str):
    """An unquoted scalar, as it was spelt."""

    __slots__ = ()

    def typed(self) -> object:
        """What YAML takes it for: a number, true or false, or text."""
        return yaml.safe_load(self)


@dataclass
class Written:
    """What a text says: its content, the line of every path, and the faults of its form.

    ``repeated``: keys given more than once, with the lines of the one that was there and of the one that came.
    """

    content: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    repeated: list[tuple[Path, int, int]] = field(default_factory=list)

    def line_of(self, path: Path) -> int | None:
        """The line of a path, or of the nearest part around it that is there."""
        return next((self.lines[path[:i]] for i in range(len(path), 0, -1) if path[:i] in self.lines), None)


_LONG = 100_000


@dataclass
class _Open:
    """A list or mapping that is being read; ``key`` is that of a mapping's next value."""

    content: list[object] | dict[str, object]
    path: Path
    anchor: str | None = None
    key: str | None = None
    values: int = 1


def read_yaml(text: str) -> Written:
    """Read one YAML document; what is wrong with its form is in ``faults``, and the rest is read all the same."""
    written = Written()
    try:
        _Reader(written).read(yaml.parse(text, Loader=_loader(text)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = f"not valid YAML: {getattr(error, 'problem', None) or getattr(error, 'reason', error)}"
        where = f"line {mark.line + 1}" if mark else "the file"
        written.faults.append(Fault(where, "-", problem, "Correct the YAML."))
        written.content = None
    for path, first, line in written.repeated:
        problem = f"is given twice, first in line {first}"
        where = named(path, written.content)
        written.faults.append(Fault(where, str(path[-1]), problem, "Keep one of them.", line))
    return written


def _loader(text: str) -> type[yaml.SafeLoader]:
    """Who parses: of a long contract, as a table of thousands of columns has it, the one that is written in C."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader) if len(text) > _LONG else yaml.SafeLoader


class _Reader:
    """Builds content from YAML's events, without recursion: no depth of nesting is too deep to be refused."""

    def __init__(self, written: Written) -> None:
        self.written = written
        self.open: list[_Open] = []
        self.anchored: dict[str, tuple[object, int]] = {}
        self.documents = self.values = 0

    def read(self, events: Iterator[yaml.Event]) -> None:
        for event in events:
            line = 1 if event.start_mark is None else event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                self.documents += 1
                if self.documents > 1:
                    self._fault("---", line, "a second document begins", "Keep one contract in the file.")
                    return
            if getattr(event, "tag", None):
                self._fault(str(getattr(event, "tag", "")), line, "a tag", "Write the value without it.")
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(str(getattr(event, "anchor", "")), line)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                content: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
                self.open.append(_Open(content, self._add(content, line), event.anchor))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._close()
            if len(self.open) > _DEEPEST or self.values > _MOST_VALUES:
                problem = "nested too deeply" if len(self.open) > _DEEPEST else "holds too many values"
                self._fault(".".join(map(str, self.open[-1].path[:3])), line, problem, "No contract needs this.")
                return

    def _close(self) -> None:
        """A list or mapping is complete; from now on an alias may repeat it."""
        closed = self.open.pop()
        if closed.anchor:
            self.anchored[closed.anchor] = (closed.content, closed.values)
        if self.open:
            self.open[-1].values += closed.values

    def _alias(self, name: str, line: int) -> None:
        """Take what an anchor has named; what is not complete, or is nowhere, cannot be repeated."""
        if name not in self.anchored:
            self._fault(f"*{name}", line, "repeats what is not complete here", "Write the value out.")
        value, many = self.anchored.get(name, (None, 1))
        self.values += many
        if self.open:
            self.open[-1].values += many
        if isinstance(value, str) and self._wants_key():
            self._name(value, line)
        else:
            self._add(value, line)

    def _wants_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].content, dict) and self.open[-1].key is None

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        value: str | None = Plain(event.value) if event.implicit[0] else str(event.value)
        value = None if isinstance(value, Plain) and value in _NULLS else value
        if event.anchor:
            self.anchored[event.anchor] = (value, 1)
        if self._wants_key():
            self._name(value, line)
        else:
            self._add(value, line)

    def _name(self, key: str | None, line: int) -> None:
        """Take a scalar as the key of the mapping that is open."""
        inside = self.open[-1]
        assert isinstance(inside.content, dict)
        if key is None:
            self._fault("null", line, "a key is empty", "Name it, or quote it if the text is meant.")
        inside.key = "" if key is None else str(key)
        if inside.key in inside.content:
            path = (*inside.path, inside.key)
            self.written.repeated.append((path, self.written.lines[path], line))
        self.written.lines[*inside.path, inside.key] = line

    def _add(self, value: object, line: int) -> Path:
        """Put a value where the text has it; returns its path."""
        path: Path = ()
        self.values += 1
        if self.open:
            self.open[-1].values += 1
            inside = self.open[-1]
            if isinstance(inside.content, dict):
                if inside.key is None:  # a list or mapping where a key should be
                    self._fault("a key", line, "is not plain text", "Use a name as the key.")
                    inside.key = ""
                path = (*inside.path, inside.key)
                inside.content[inside.key], inside.key = value, None
            else:
                path = (*inside.path, len(inside.content))
                inside.content.append(value)
            self.written.lines.setdefault(path, line)
        else:
            self.written.content = value
        return path

    def _fault(self, value: str, line: int, problem: str, remedy: str) -> None:
        self.written.faults.append(Fault(f"line {line}", value, problem, remedy, line))


def named(path: Path, content: object) -> str:
    """A path in words: items of a list by their ``name`` where they have one, ``features.spend.range``.

    Steps that are not in ``content`` are left out, except for the last (a key that is missing).
    """
    steps: list[str] = []
    for i, step in enumerate(path):
        is_last = i == len(path) - 1
        inside = content if isinstance(content, Mapping | list) else None
        if isinstance(inside, list) and isinstance(step, int) and step < len(inside):
            content = inside[step]
            name = content.get("name") if isinstance(content, Mapping) else None
            steps.append(str(name) if isinstance(name, str) and name else str(step))
        elif isinstance(inside, Mapping) and step in inside:
            content = inside[step]
            steps.append(str(step))
        elif is_last or isinstance(step, int):
            steps.append(str(step))
            content = None
    return ".".join(steps) or "(top)"
