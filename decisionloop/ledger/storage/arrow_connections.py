"""Connections that read PostgreSQL as Arrow, kept open between reads: opening one takes a tenth of a second of a core.

Each statement is a transaction of its own, so that none sees an older state than the one before, and a connection that
waits for the next read holds nothing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, QueuePool, event
from sqlalchemy.exc import DisconnectionError


def arrow_connections(url: URL) -> QueuePool:
    """A pool of ADBC connections to the PostgreSQL database at ``url``; nothing is connected yet.

    It grows with the threads that read at once, and replaces what the server has closed meanwhile.
    """
    uri = url.set(drivername="postgresql").render_as_string(hide_password=False)

    def connect() -> Any:
        import adbc_driver_postgresql.dbapi

        return adbc_driver_postgresql.dbapi.connect(uri, autocommit=True)

    pool = QueuePool(connect, max_overflow=-1, reset_on_return=None)
    event.listen(pool, "checkout", _ask)
    return pool


def _ask(connection: Any, _record: object, _checked_out: object) -> None:
    """Have the pool replace a connection that does not answer."""
    import adbc_driver_manager

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except adbc_driver_manager.Error as error:
        raise DisconnectionError(str(error)) from error
