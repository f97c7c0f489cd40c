"""What a driver raises where it is asked past SQLAlchemy, as SQLAlchemy raises it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


@contextmanager
def cursor_of(connection: Connection) -> Iterator[Any]:
    """A cursor of the driver's own in the connection's transaction; its errors are SQLAlchemy's, of the same kind.

    They hold neither a statement nor what it was given; a connection that is gone is not used again.
    """
    driver = connection.dialect.loaded_dbapi
    plain = connection.connection
    cursor = plain.cursor()
    try:
        yield cursor
    except driver.Error as error:
        is_gone = connection.dialect.is_disconnect(error, plain, cursor)
        if is_gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, driver.Error, hide_parameters=True, connection_invalidated=is_gone,
            dialect=connection.dialect,
        ) from error  # fmt: skip
    finally:
        cursor.close()
