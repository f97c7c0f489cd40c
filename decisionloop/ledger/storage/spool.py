"""Rows into SQLite without a Python loop over them: by way of a file apart that is attached and read.

ADBC writes Arrow into a database several times faster than Python can hand rows over, and all of it happens outside
of Python's lock. It must not open the ledger itself (see `frames`), so it writes a new file, and the ledger's own
connection inserts from there, in the caller's transaction.
"""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import adbc_driver_sqlite.dbapi
import pyarrow as pa
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry

_PREFIX = "spool_"
_NUMBERS = itertools.count()
_PAGE_BYTES = 65_536
"""Large pages, because the file is written once from its beginning to its end, and read so."""


def insert_spooled(cursor: DBAPICursor, target: str, rows: pa.Table, conflict: str) -> int:
    """Insert ``rows``, whose columns are what SQLite stores, into ``target`` (`"table" ("column", …)`).

    Returns how many were new under ``conflict``.
    """
    with tempfile.TemporaryDirectory(prefix="decisionloop-append-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "rows.db"
        write_spool(file, rows)
        return insert_spool(cursor, target, file, conflict)


def insert_spool(cursor: DBAPICursor, target: str, file: Path, conflict: str) -> int:
    """The same of a ``file`` that `write_spool` wrote. It stays attached until the connection goes back to its pool."""
    name = f"{_PREFIX}{next(_NUMBERS)}"
    cursor.execute(f"ATTACH DATABASE ? AS {name}", (str(file),))
    # Without WHERE, SQLite would take ON for a join's.
    cursor.execute(f"INSERT INTO {target} SELECT * FROM {name}.rows WHERE true {conflict}")
    return int(cursor.rowcount)


def write_spool(file: Path, rows: pa.Table) -> None:
    """Write ``rows``, whose columns are what SQLite stores, into the new ``file``; nobody waits for its disk."""
    with closing(sqlite3.connect(file)) as plain:
        plain.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        plain.execute("VACUUM")  # which writes the file, and so settles its pages
    with adbc_driver_sqlite.dbapi.connect(str(file), autocommit=True) as connection, connection.cursor() as cursor:
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):  # nothing is lost with this file
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
        cursor.adbc_ingest("rows", rows, mode="create")


def detach_spools(connection: DBAPIConnection | None, _entry: ConnectionPoolEntry) -> None:
    """The pool's listener for a connection that comes back: within a transaction nothing can be detached."""
    if connection is None:
        return
    cursor = connection.cursor()
    try:
        attached = [row[1] for row in cursor.execute("PRAGMA database_list").fetchall()]
        for name in attached:
            if name.startswith(_PREFIX):
                cursor.execute(f"DETACH DATABASE {name}")
    finally:
        cursor.close()
