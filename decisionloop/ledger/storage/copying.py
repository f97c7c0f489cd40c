"""A whole ledger as one SQLite file, whatever engine keeps it, and back: as of one moment, while others write.

SQLite copies itself by its own backup. Of PostgreSQL every row of every table is read in one transaction that sees one
moment; that needs no tool of the server, no version of one, and no right but to read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, LargeBinary, Table, delete, func, insert, select

from decisionloop.errors import ConfigurationError, IntegrityError
from decisionloop.ledger.schema import audit_waiting, metadata
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.engine import Ledger, open_ledger
from decisionloop.ledger.storage.frames import schema_of
from decisionloop.private_files import sync, touch_private

ROWS_AT_A_TIME = 50_000
BLOCKS_AT_A_TIME = 20
"""Of a table with bytes in it, such as the blocks of the audit chain: one may take megabytes."""


def copy_to_file(ledger: Ledger, file: Path) -> None:
    """Write all of a ledger as of now into the new SQLite file ``file``, closed and on disk.

    Raises IntegrityError where what was copied is damaged.
    """
    touch_private(file)
    if ledger.is_sqlite:
        _copy_sqlite(ledger, file)
    else:
        with open_ledger(f"sqlite:///{file}") as copy:
            _copy_rows(ledger, copy)
    close_journal(file)


def copy_from_file(file: Path, ledger: Ledger) -> None:
    """Put every row of a ledger in the SQLite file ``file`` into an empty ledger, all of them or none.

    Raises ConfigurationError where the ledger holds a row already.
    """
    with open_ledger(f"sqlite:///{file}") as copy:
        _copy_rows(copy, ledger)


def tables_with_rows(connection: Connection) -> tuple[str, ...]:
    """The tables of a ledger of this version that hold anything, by name."""
    return tuple(
        sorted(table.name for table in metadata.tables.values() if connection.execute(select(table).limit(1)).first())
    )


def count_rows(ledger: Ledger) -> dict[str, int]:
    """How many rows each table holds."""
    with ledger.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def _copy_sqlite(ledger: Ledger, file: Path) -> None:
    source = ledger.engine.raw_connection()
    try:
        with closing(sqlite3.connect(file)) as target:
            # All pages in one step: a second step would begin anew after each commit of somebody else.
            source.driver_connection.backup(target, pages=-1)  # type: ignore[union-attr]
    finally:
        source.close()


def close_journal(file: Path) -> None:
    """Make a SQLite file that nobody has open one file again; raises IntegrityError where a page of it is damaged."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    sync(file)
    if found != "ok":
        raise IntegrityError(
            f"the ledger is damaged ({found}), and so is every copy of it. Restore the last backup that was verified."
        )


def _copy_rows(old: Ledger, new: Ledger) -> None:
    with old.engine.connect() as known, new.begin() as connection:
        if not old.is_sqlite:  # a transaction of SQLite sees one moment as it is
            known = known.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        if held := tables_with_rows(connection):
            raise ConfigurationError(f"{new.name} holds rows already ({', '.join(held)}). Restore into an empty one.")
        for table in metadata.sorted_tables:
            if table is not audit_waiting:
                _copy_table(known, connection, table)
        connection.execute(delete(audit_waiting))  # triggers took every row for a new one, also what is chained
        _copy_table(known, connection, audit_waiting)


def _copy_table(known: Connection, connection: Connection, table: Table[Any]) -> None:
    statement = select(table)
    if any(isinstance(column.type, LargeBinary) for column in table.c):
        found = known.execution_options(stream_results=True, max_row_buffer=BLOCKS_AT_A_TIME).execute(statement)
        while blocks := found.mappings().fetchmany(BLOCKS_AT_A_TIME):
            connection.execute(insert(table), [dict(one) for one in blocks])
        return
    schema = schema_of(statement)
    found = known.execution_options(stream_results=True, max_row_buffer=ROWS_AT_A_TIME).execute(statement)
    while rows := found.fetchmany(ROWS_AT_A_TIME):
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
        append(connection, table, pa.table(columns, schema=schema), on_conflict="fail")
