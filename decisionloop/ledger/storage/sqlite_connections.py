"""How connections to a SQLite ledger are made ready, and how their transactions begin: those that write one by one."""

from __future__ import annotations

import random
import sqlite3
import time
from typing import Literal

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

Synchronous = Literal["FULL", "EXTRA"]
BUSY_TIMEOUT_MS, CACHE_KIB = 30_000, 65_536
ASK_AGAIN_SECONDS = (0.0005, 0.003)
WAL_KEPT_BYTES = 67_108_864


def ready_sqlite(engine: Engine, synchronous: Synchronous) -> None:
    """Let every connection of ``engine`` keep to the ledger's durability, and begin what it was asked for."""
    event.listen(engine, "connect", _sqlite_pragmas(synchronous))
    event.listen(engine, "begin", _begin)


def _sqlite_pragmas(synchronous: Synchronous):  # type: ignore[no-untyped-def]
    """The listener that readies a new SQLite connection."""
    pragmas = (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        "foreign_keys = ON",
        # Without it INSERT OR REPLACE deletes a fact behind the back of the trigger that refuses DELETE.
        "recursive_triggers = ON",
        f"cache_size = -{CACHE_KIB}",
        f"journal_size_limit = {WAL_KEPT_BYTES}",
    )

    def ready(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: _begin does, and says which kind.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return ready


def _begin(connection: Connection) -> None:
    """Begin the transaction that was asked for: IMMEDIATE to write, deferred and read-only to read."""
    is_write = connection.get_execution_options().get("is_ledger_write", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if is_write else 'ON'}")
    if is_write:
        _begin_to_write(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection) -> None:
    """Wait for the lock as long as SQLite would, asking again every few milliseconds.

    SQLite itself asks less and less often, up to a tenth of a second apart: beside others who write again and again
    somebody, as the kill switch, would find the lock taken each time.
    """
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        if not _has_begun(raw):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # it raises what is raised for a ledger that stays locked
    finally:
        raw.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _has_begun(raw: sqlite3.Connection) -> bool:
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1_000
    while time.monotonic() < deadline:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                return False
            time.sleep(random.uniform(*ASK_AGAIN_SECONDS))
        else:
            return True
    return False
