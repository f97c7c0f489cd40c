"""Statements that are asked again and again: their text is worked out once, and the driver is given it as it is.

What SQLAlchemy does of each statement anew takes three times as long as the statement of a single row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.base import Executable

from decisionloop.ledger.storage.driver_errors import cursor_of

Values = Mapping[str, object]
_Process = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A statement of each dialect, given its name, that always has the same text. ``columns``: those of an insertion.

    It is run in the transaction that the connection is in, which is begun where there is none. What fails is raised as
    SQLAlchemy raises it, without the statement and what it was given.
    """

    statement_of: Callable[[str], Executable]
    columns: tuple[str, ...] | None = None

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """The rows that it finds, as the driver has them: numbers and texts, but no times."""
        text = _text(self, connection.dialect)
        return _run(connection, lambda cursor: cursor.execute(text.sql, text.given(values)).fetchall())

    def write(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Run it for each row; returns how many it has changed."""
        text = _text(self, connection.dialect)

        def written(cursor: Any) -> int:
            if len(rows) == 1:
                cursor.execute(text.sql, text.given(rows[0]))
            else:
                cursor.executemany(text.sql, [text.given(one) for one in rows])
            return int(cursor.rowcount)

        return int(_run(connection, written))


@dataclass(frozen=True, eq=False)
class _Text:
    """A statement as a driver takes it: by place (`?`), or by name."""

    sql: str
    names: tuple[str, ...]
    is_by_place: bool
    processes: Mapping[str, _Process]

    def given(self, values: Values) -> Any:
        """What stands in the place of its parameters."""
        told = {name: values[name] for name in self.names}
        for name, process in self.processes.items():
            told[name] = process(told[name])
        return tuple([told[name] for name in self.names]) if self.is_by_place else told


@functools.lru_cache(maxsize=256)
def _text(prepared: Prepared, dialect: Dialect) -> _Text:
    """Kept by the dialect of an engine: another engine's may want other text."""
    columns = None if prepared.columns is None else list(prepared.columns)
    compiled: Any = prepared.statement_of(dialect.name).compile(dialect=dialect, column_keys=columns)  # type: ignore[attr-defined]
    processes = {
        name: process
        for name, bound in compiled.binds.items()
        if (process := bound.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    names = tuple(compiled.positiontup if compiled.positional else compiled.binds)
    return _Text(str(compiled), names, bool(compiled.positional), processes)


def _run(connection: Connection, work: Callable[[Any], Any]) -> Any:
    if not connection.in_transaction():  # as SQLAlchemy does: on SQLite a connection is to read or to write by then
        connection.begin()
    with cursor_of(connection) as cursor:
        return work(cursor)
