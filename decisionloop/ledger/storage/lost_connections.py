"""A database that is gone, shuts down, or does not answer in time: said without a statement and what it was given.

What SQLAlchemy raises holds both, and goes into logs and states of runs.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from decisionloop.errors import ConfigurationError, LedgerOutOfReach

T = TypeVar("T")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_SQLITE |= {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_POSTGRESQL = ("08", "57", "53200", "53300", "55P03", "40P01")
"""Classes of SQLSTATE: connections, operators who intervene and time-outs; memory, connections, locks, deadlocks."""


@contextmanager
def lost_connections_told(name: str) -> Iterator[None]:
    """Raise ConfigurationError in the place of an error that says that the database called ``name`` is gone."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if not is_lost(error):
            raise
        # Of the driver's own error: it holds neither the statement nor its parameters.
        raise ConfigurationError(_gone(name, error)) from error.orig


def is_lost(error: DBAPIError) -> bool:
    """Whether it tells of the database, and not of the statement: gone, shut down, locked too long, damaged."""
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF in _SQLITE
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or str(state).startswith(_POSTGRESQL)


def patiently(connect: Callable[[], T], name: str, seconds: float) -> T:
    """What ``connect`` returns, tried again for so long while the database is gone: nothing has been done yet.

    Raises LedgerOutOfReach where the database called ``name`` has not come back by then.
    """
    ends, pause = time.monotonic() + seconds, FIRST_PAUSE_SECONDS
    while True:
        try:
            return connect()
        except (OperationalError, InterfaceError) as error:
            if not is_lost(error):
                raise
            if time.monotonic() + pause > ends:
                raise LedgerOutOfReach(_gone(name, error)) from error.orig
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _gone(name: str, error: DBAPIError) -> str:
    return (
        f"the ledger at {name} does not answer: {first_line(error)}. Bring its database back, then run it again: "
        "what is in the ledger is not done twice."
    )


def first_line(error: DBAPIError) -> str:
    """What the driver said, without its details, in which values stand."""
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0].rstrip(".")
