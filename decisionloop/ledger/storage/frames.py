"""Reading rows by the million as Arrow or pandas, without a Python loop over them.

On PostgreSQL ADBC reads the database itself. On SQLite it must not: ADBC brings its own copy of SQLite, and when
that closes the ledger's file, the operating system drops the locks that Python's `sqlite3` holds on it, whereupon
other processes overwrite acknowledged commits. So SQLite writes the result into a file apart, and ADBC reads that.
A file costs more than a few thousand rows do: those come through the driver, as they are stored.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite.dbapi
import pandas as pd
import pyarrow as pa
from sqlalchemy import Dialect, Select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DisconnectionError, InvalidRequestError, OperationalError

from decisionloop.errors import UsageError
from decisionloop.ledger.storage.conform import arrow_type
from decisionloop.ledger.storage.engine import Ledger

SQLITE_BATCH_ROWS = 65_536
FEW_ROWS = 4_000
"""So many rows of SQLite are not worth a file apart."""
# A first row of known types: ADBC infers a column's type from the first rows, and nulls would make it an integer.
_SENTINELS = {pa.string(): ("TEXT", "''"), pa.int64(): ("INTEGER", "0"), pa.float64(): ("REAL", "0.5")}


def read(ledger: Ledger, statement: Select[*tuple[Any, ...]]) -> pa.Table:
    """The rows of a SELECT as Arrow: text, int64, float64, bool and UTC microseconds, as its columns say.

    Raises `UsageError` for a column whose SQL type SQLAlchemy does not know.
    """
    schema = schema_of(statement)
    kinds = schema.types
    rows = _read_sqlite(ledger, statement, kinds) if ledger.is_sqlite else _read_postgresql(ledger, statement)
    columns = [column.cast(kind) for column, kind in zip(rows.columns, kinds, strict=True)]
    return pa.table(columns, schema=schema)


def read_frame(ledger: Ledger, statement: Select[*tuple[Any, ...]]) -> pd.DataFrame:
    """The rows of a SELECT as pandas: `str`, int64, float64, bool, datetime64[us, UTC]."""
    return read(ledger, statement).to_pandas()


def read_in_chunks(ledger: Ledger, statement: Select[*tuple[Any, ...]], rows: int) -> Iterator[pa.Table]:
    """The same a chunk of so many ``rows`` at a time, all as of one moment: for what need not fit into memory.

    Row by row through Python, so slower than `read`; there is always one chunk, which may be empty.
    """
    schema = schema_of(statement)
    with ledger.connect() as connection:
        found = connection.execution_options(stream_results=True, max_row_buffer=rows).execute(statement)
        is_first = True
        while (chunk := found.fetchmany(rows)) or is_first:
            columns = list(zip(*chunk, strict=True)) or [() for _ in schema]
            yield pa.table([pa.array(c, kind) for c, kind in zip(columns, schema.types, strict=True)], schema=schema)
            is_first = False


def schema_of(statement: Select[*tuple[Any, ...]]) -> pa.Schema:
    """The columns of what a SELECT reads. Raises `UsageError` as `read` does."""
    columns = statement.exported_columns.items()
    return pa.schema([(name, _kind(name, column.type)) for name, column in columns])


def _kind(name: str, sql_type: Any) -> pa.DataType:
    kind = arrow_type(sql_type)
    if kind is None:
        raise UsageError(f"column {name} of the statement has no known type. Wrap it in sqlalchemy.type_coerce.")
    return kind


def _read_postgresql(ledger: Ledger, statement: Select[*tuple[Any, ...]]) -> pa.Table:
    # The driver sends the text as it is: neither % nor \ may be doubled in it.
    dialect = postgresql.dialect(paramstyle="named")
    dialect._backslash_escapes = False
    sql = _literal_sql(statement, dialect)
    try:
        with closing(ledger.readers.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            rows: pa.Table = cursor.fetch_arrow_table()
            return rows
    except (adbc_driver_manager.OperationalError, InvalidRequestError, DisconnectionError) as error:
        with ledger.connect():  # one that is gone says so itself, without the statement
            raise error


def _read_sqlite(ledger: Ledger, statement: Select[*tuple[Any, ...]], kinds: list[pa.DataType]) -> pa.Table:
    few = _read_few(ledger, statement, kinds)
    return _read_many(ledger, statement, kinds) if few is None else few


def _read_few(ledger: Ledger, statement: Select[*tuple[Any, ...]], kinds: list[pa.DataType]) -> pa.Table | None:
    """The rows through Python, as SQLite stores them; None where there are many, or SQLite must convert a value."""
    stored = [_stored_kind(kind) for kind in kinds]
    try:
        with ledger.connect() as connection:
            rows = connection.execute(statement).cursor.fetchmany(FEW_ROWS + 1)
    except OperationalError as error:
        if "too many SQL variables" in str(error.orig):  # written out in the statement they are no variables
            return None
        raise
    if len(rows) > FEW_ROWS:
        return None
    columns = list(zip(*rows, strict=True)) or [() for _ in kinds]
    try:
        arrays = [pa.array(column, kind) for column, kind in zip(columns, stored, strict=True)]
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    return pa.table(arrays, names=[f"c{i}" for i in range(len(arrays))])


def _read_many(ledger: Ledger, statement: Select[*tuple[Any, ...]], kinds: list[pa.DataType]) -> pa.Table:
    with tempfile.TemporaryDirectory(prefix="decisionloop-read-") as folder:
        spool = Path(folder) / "rows.db"
        _spool(ledger, _literal_sql(statement, ledger.engine.dialect), kinds, spool)
        with adbc_driver_sqlite.dbapi.connect(str(spool)) as connection, connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(SQLITE_BATCH_ROWS)})
            cursor.execute("SELECT * FROM rows ORDER BY rowid")
            return cursor.fetch_arrow_table().slice(1)


def _spool(ledger: Ledger, sql: str, kinds: list[pa.DataType], spool: Path) -> None:
    """Let SQLite write the rows of `sql` into the new file `spool`, below a first row of known types."""
    stored = [_SENTINELS[_stored_kind(kind)] for kind in kinds]
    columns = ", ".join(f"c{i} {affinity}" for i, (affinity, _) in enumerate(stored))
    connection = ledger.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = OFF")
        cursor.execute("ATTACH DATABASE ? AS spool", (str(spool),))
        try:
            cursor.execute("PRAGMA spool.journal_mode = OFF")
            cursor.execute("PRAGMA spool.synchronous = OFF")
            cursor.execute(f"CREATE TABLE spool.rows ({columns})")
            cursor.execute(f"INSERT INTO spool.rows VALUES ({', '.join(sentinel for _, sentinel in stored)})")
            cursor.execute(f"INSERT INTO spool.rows {sql}")
        finally:
            cursor.execute("DETACH DATABASE spool")
            cursor.close()
    finally:
        connection.close()


def _stored_kind(kind: pa.DataType) -> pa.DataType:
    """How SQLite stores a kind: booleans as integers, times as text."""
    if pa.types.is_boolean(kind):
        return pa.int64()
    return kind if kind in _SENTINELS else pa.string()


def _literal_sql(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> str:
    """The statement as one text with its parameters written out."""
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
