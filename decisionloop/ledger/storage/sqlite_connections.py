"""What a connection to a SQLite ledger is: its pragmas, and how a transaction on it begins.

Every write transaction is IMMEDIATE: two writers take turns instead of failing half-way.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

Synchronous = Literal["FULL", "EXTRA"]
WAIT_MS, CACHE_KIB = 30_000, 8_192
"""How long another process's lock is waited for, and the pages that a connection keeps.

With 64 MiB a process grew with its ledger, and of 900,000 decisions the last third was kept a twentieth sooner.
"""
ASK_AGAIN_SECONDS, URGENTLY = (0.0005, 0.002), (0.0001, 0.0002)
"""How soon a writer that waits asks again: who asks ten times as often nearly always begins before the next in line."""
WAL_KEPT_BYTES = 67_108_864
WAL_PAGES = 4_000
"""After so many pages whoever commits carries them over into the ledger's file, and waits three times as long.

At SQLite's thousand that was one in a hundred of those who keep a single decision, and one in sixty of a group's.
"""


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
        f"wal_autocheckpoint = {WAL_PAGES}",
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
    options = connection.get_execution_options()
    is_write = options.get("is_ledger_write", False)
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute(f"PRAGMA query_only = {'OFF' if is_write else 'ON'}")
    if not is_write:
        connection.exec_driver_sql("BEGIN")
        return
    is_urgent, until = options.get("is_ledger_urgent", False), time.monotonic() + WAIT_MS / 1_000
    if is_urgent:  # beside the line, where whoever is next would come first
        _begin_to_write(connection, _Asking(until, URGENTLY))
        return
    asking = _Asking(until, ASK_AGAIN_SECONDS)
    with _next_in_line(Path(connection.engine.url.database or "").parent, asking):
        _begin_to_write(connection, asking)


@dataclass(frozen=True)
class _Asking:
    """Until when (`time.monotonic`) a writer asks whether it may begin, and after how many seconds it asks again."""

    until: float
    again_seconds: tuple[float, float]

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    def pause(self) -> None:
        time.sleep(random.uniform(*self.again_seconds))


def _begin_to_write(connection: Connection, asking: _Asking) -> None:
    """Wait for the lock as long as SQLite would, asking every few milliseconds: it asks ever less often itself."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        if not _has_begun(raw, asking):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # it raises what is raised for a ledger that stays locked
    finally:
        raw.execute(f"PRAGMA busy_timeout = {WAIT_MS}")


def _has_begun(raw: sqlite3.Connection, asking: _Asking) -> bool:
    while not asking.is_over:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                return False
            asking.pause()
        else:
            return True
    return False


@contextmanager
def _next_in_line(folder: Path, asking: _Asking) -> Iterator[None]:
    """Wait for one's turn, and keep others behind until one has begun to write; in the end nobody waits for it.

    SQLite itself looks now and then whether the lock is free: who has just written and writes again is always quicker
    than who waits, so that of eight who write all the time some give up. Who is killed stands in line no more. What is
    locked is the folder: it is there, whoever owns it, and SQLite knows nothing of it.
    """
    with ExitStack() as stack:
        if sys.platform != "win32":
            _take_turn(stack, folder, asking)
        yield


def _take_turn(stack: ExitStack, folder: Path, asking: _Asking) -> None:
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        while not asking.is_over:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                asking.pause()
    except OSError:
        return  # where folders cannot be locked, or read, writers are as fair as SQLite makes them
