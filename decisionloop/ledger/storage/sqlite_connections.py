"""What a connection to a SQLite ledger is: its pragmas, and how a transaction on it begins.

Every write transaction is IMMEDIATE: two writers take turns instead of failing half-way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

Synchronous = Literal["FULL", "EXTRA"]
WAIT_MS, CACHE_KIB = 30_000, 65_536
"""How long another process's lock is waited for, and the cache of a connection."""
ROUND_MS = 53
"""SQLite looks again after 1, 2, 5, 10, 15 and 20 ms, and from there on ever more seldom, up to ten times a second: a
writer that has waited long then finds the lock taken by those who came later, until it gives up. So it begins anew."""
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
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {ROUND_MS}")
    try:
        _begin_in_turn(connection, time.monotonic() + WAIT_MS / 1_000)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {WAIT_MS}")


def _begin_in_turn(connection: Connection, until: float) -> None:
    """Begin to write as soon as nobody else does; raises the driver's error where somebody does for too long."""
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0)
            if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
