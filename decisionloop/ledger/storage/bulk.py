"""Appending rows by the hundred thousand, in the caller's transaction. Reading them back is `frames`."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from sqlalchemy import Connection, Table
from sqlalchemy.engine.interfaces import DBAPICursor

from decisionloop.errors import IntegrityError, UsageError
from decisionloop.ledger.storage.conform import conform
from decisionloop.ledger.storage.driver_errors import cursor_of
from decisionloop.ledger.storage.months import make_months_of
from decisionloop.ledger.storage.spool import insert_spool, insert_spooled, write_spool

OnConflict = Literal["ignore", "fail"]
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # Arrow's %S carries the microseconds
WORTH_LITERALS_ROWS = 1_000
WORTH_SPOOLING_ROWS = 20_000
CSV_CHUNK_ROWS = 16_384


class FactsAreThere(UsageError):
    """Facts that were to be new are in the ledger already: another process may have told them meanwhile."""


@dataclass(frozen=True)
class LaidOut:
    """Rows of a table of facts in the file that SQLite will read them from, for `append_laid_out`."""

    table: Table[Any]
    columns: tuple[str, ...]
    file: Path


def lay_out(table: Table[Any], rows: pa.Table, file: Path) -> LaidOut:
    """What `append` does to rows for SQLite before it needs the ledger: others may write there meanwhile."""
    fitting = conform(table, rows)
    write_spool(file, _as_stored(fitting))
    return LaidOut(table, tuple(fitting.column_names), file)


def append_laid_out(connection: Connection, rows: LaidOut) -> int:
    """Append to SQLite what was laid out, as `append` does where a row is there already; returns how many were new."""
    with cursor_of(connection) as cursor:
        target = _target(rows.table, list(rows.columns))
        return insert_spool(cursor, target, rows.file, _ignoring(rows.table))


def append(
    connection: Connection, table: Table[Any], rows: pa.Table | pd.DataFrame, on_conflict: OnConflict = "ignore"
) -> int:
    """Append rows to a table of facts and return how many were new.

    A row whose primary key is in the ledger (or came earlier in `rows`) is left out; with ``on_conflict="fail"``
    it raises `UsageError`, and the caller's transaction must roll back. Other constraints always raise, as SQLAlchemy
    does.
    """
    fitting = conform(table, rows)
    if not len(fitting):
        return 0
    make_months_of(connection, table, fitting)
    write = _append_postgresql if connection.dialect.name == "postgresql" else _append_sqlite
    with cursor_of(connection) as cursor:
        appended = write(cursor, table, fitting)
    if on_conflict == "fail" and appended != len(fitting):
        raise FactsAreThere(
            f"{len(fitting) - appended} of {len(fitting)} rows for {table.name} are in the ledger already, and "
            "facts are never replaced. Append them as a new fact, or pass on_conflict='ignore'."
        )
    return appended


def _append_sqlite(cursor: DBAPICursor, table: Table[Any], rows: pa.Table) -> int:
    """Few rows by one prepared statement, run over the zipped columns; many by way of a spool.

    ON CONFLICT (key) DO NOTHING, not INSERT OR IGNORE: the latter swallows violated NOT NULL and CHECK as well.
    """
    if len(rows) >= WORTH_SPOOLING_ROWS:
        return insert_spooled(cursor, _target(table, rows.column_names), _as_stored(rows), _ignoring(table))
    literals = _literals(cursor, table, rows)
    values = ", ".join(literals.get(name, "?") for name in rows.column_names)
    bound = [_python_values(rows[name]) for name in rows.column_names if name not in literals]
    cursor.executemany(
        f"INSERT INTO {_target(table, rows.column_names)} VALUES ({values}) {_ignoring(table)}",
        zip(*bound, strict=True),  # type: ignore[arg-type]
    )
    return int(cursor.rowcount)


def _append_postgresql(cursor: DBAPICursor, table: Table[Any], rows: pa.Table) -> int:
    """COPY straight into the table; where a row is there already, again by way of a temporary table.

    The first is twice as fast and what nearly always happens: rows come twice only when a killed flow runs again.
    """
    from psycopg.errors import UniqueViolation

    target = _target(table, rows.column_names)
    cursor.execute("SAVEPOINT before_copy")
    try:
        _copy(cursor, target, rows)
    except UniqueViolation:
        cursor.execute("ROLLBACK TO SAVEPOINT before_copy")
        return _append_what_is_new(cursor, table, rows)
    cursor.execute("RELEASE SAVEPOINT before_copy")
    return len(rows)


def _append_what_is_new(cursor: DBAPICursor, table: Table[Any], rows: pa.Table) -> int:
    """COPY into a temporary table, then one INSERT that leaves out what is there."""
    staging, columns = f'"staging_{table.name}"', _quoted(rows.column_names)
    cursor.execute(
        f'CREATE TEMPORARY TABLE {staging} ON COMMIT DROP AS SELECT {columns} FROM "{table.name}" WITH NO DATA'
    )
    _copy(cursor, staging, rows)
    cursor.execute(
        f"INSERT INTO {_target(table, rows.column_names)} SELECT {columns} FROM {staging} {_ignoring(table)}"
    )
    appended = int(cursor.rowcount)
    cursor.execute(f"DROP TABLE {staging}")
    return appended


def _copy(cursor: DBAPICursor, target: str, rows: pa.Table) -> None:
    """COPY the rows in pieces: PostgreSQL works on one while the next is being written."""
    times = [name for name in rows.column_names if pa.types.is_timestamp(rows[name].type)]
    texts = pa.table({name: _time_texts(rows[name]) if name in times else rows[name] for name in rows.column_names})
    # Every text is quoted, so that an empty text is not a null.
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)") as copy:
        for start in range(0, len(texts), CSV_CHUNK_ROWS):
            sink = io.BytesIO()
            pyarrow.csv.write_csv(texts.slice(start, CSV_CHUNK_ROWS), sink, options)
            copy.write(sink.getbuffer())
    if cursor.rowcount != len(rows):
        raise IntegrityError(
            f"PostgreSQL took {cursor.rowcount} of {len(rows)} rows for {target}. Nothing was kept; append them again."
        )


def _literals(cursor: DBAPICursor, table: Table[Any], rows: pa.Table) -> dict[str, str]:
    """The columns that say the same in every row, each with its SQL literal.

    Much of a batch is so (its id, its release, its contract). What is written into the statement instead of being
    handed over row by row saves up to half of the time.
    """
    if len(rows) < WORTH_LITERALS_ROWS:
        return {}
    candidates = [name for name in rows.column_names if name not in table.primary_key.columns]
    return {name: _quoted_by_sqlite(cursor, rows[name]) for name in candidates if _is_constant(rows[name])}


def _is_constant(column: pa.ChunkedArray) -> bool:
    """Whether every row says the same; an infinity, which has no literal in SQL, does not count."""
    first = column[0]
    if not first.is_valid:
        return column.null_count == len(column)
    if first.as_py() in (math.inf, -math.inf):
        return False
    return not column.null_count and bool(pc.all(pc.equal(column, first)).as_py())


def _quoted_by_sqlite(cursor: DBAPICursor, column: pa.ChunkedArray) -> str:
    cursor.execute("SELECT quote(?)", _python_values(column.slice(0, 1)))
    row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    """The values as SQLite stores them: times as text, booleans as 0 and 1."""
    if pa.types.is_timestamp(column.type):
        column = _time_texts(column)
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_integer(column.type) and column.null_count:
        return list(column.to_pylist())  # numpy would make them floats
    # A missing float becomes NaN, which SQLite stores as NULL.
    return list(column.to_numpy(zero_copy_only=False).tolist())


def _as_stored(rows: pa.Table) -> pa.Table:
    """The rows with the types that SQLite stores: times as text, booleans as 0 and 1."""
    columns = {}
    for name in rows.column_names:
        column = rows[name]
        if pa.types.is_timestamp(column.type):
            column = _time_texts(column)
        elif pa.types.is_boolean(column.type):
            column = column.cast(pa.int64())
        columns[name] = column
    return pa.table(columns)


def _time_texts(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """UTC times as text, each different one written once: a batch has few of them, and writing one is slow."""
    encoded = times.combine_chunks().dictionary_encode()
    # Without its zone: Arrow would ask the machine for a time zone database.
    naive = encoded.dictionary.cast(pa.int64()).cast(pa.timestamp("us"))
    return pa.chunked_array([pc.strftime(naive, format=TIME_FORMAT).take(encoded.indices)])


def _target(table: Table[Any], columns: list[str]) -> str:
    return f'"{table.name}" ({_quoted(columns)})'


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _ignoring(table: Table[Any]) -> str:
    return f"ON CONFLICT ({_quoted([column.name for column in table.primary_key.columns])}) DO NOTHING"
