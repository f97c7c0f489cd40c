"""What a connection to a SQLite ledger is: its pragmas, and how a transaction on it begins.

Every write transaction is IMMEDIATE: two writers take turns instead of failing half-way.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from decisionloop.private_files import FILE

Synchronous = Literal["FULL", "EXTRA"]
WAIT_MS, CACHE_KIB = 30_000, 65_536
"""How long another process's lock is waited for, and the cache of a connection."""
ASK_AGAIN_SECONDS = 0.001
LINE = "-line"
"""What the file is called, after the ledger's, at which writers stand in line; it stays empty."""
WAL_KEPT_BYTES = 67_108_864


def sqlite_pragmas(synchronous: Synchronous) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    """The listener that readies a new connection."""
    pragmas = (
        f"busy_timeout = {WAIT_MS}",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        "foreign_keys = ON",
        # Without it INSERT OR REPLACE deletes a fact behind the back of the trigger that refuses DELETE.
        "recursive_triggers = ON",
        f"cache_size = -{CACHE_KIB}",
        f"journal_size_limit = {WAL_KEPT_BYTES}",
    )

    def ready(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: begin_sqlite does, and says which kind.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return ready


def begin_sqlite(connection: Connection) -> None:
    """Begin the transaction that was asked for: IMMEDIATE to write, deferred and read-only to read."""
    is_write = connection.get_execution_options().get("is_ledger_write", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if is_write else 'ON'}")
    if not is_write:
        connection.exec_driver_sql("BEGIN")
        return
    with _next_in_line(f"{connection.engine.url.database}{LINE}"):
        _begin_to_write(connection)


def _begin_to_write(connection: Connection) -> None:
    """Wait for the lock as long as SQLite would, asking every few milliseconds: it asks ever less often itself."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        if not _has_begun(raw):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # it raises what is raised for a ledger that stays locked
    finally:
        raw.execute(f"PRAGMA busy_timeout = {WAIT_MS}")


def _has_begun(raw: sqlite3.Connection) -> bool:
    deadline = time.monotonic() + WAIT_MS / 1_000
    while time.monotonic() < deadline:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                return False
            time.sleep(ASK_AGAIN_SECONDS)
        else:
            return True
    return False


@contextmanager
def _next_in_line(file: str) -> Iterator[None]:
    """Wait until everybody who came before has begun to write, and keep others behind until this one has.

    SQLite itself looks now and then whether the lock is free: who has just written and writes again is always quicker
    than who waits, so that of eight who write all the time some give up. Who is killed stands in line no more.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
