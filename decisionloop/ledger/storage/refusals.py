"""A ledger that answers and yet refuses, as one with a full disk: said in its own words, with what mends it.

Neither the statement nor what it was given is in them.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from decisionloop.errors import ConfigurationError
from decisionloop.ledger.storage.lost_connections import first_line
from decisionloop.masking import masked

_FULL_SQLITE = {sqlite3.SQLITE_FULL}
_MAY_NOT_SQLITE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_FULL, _MAY_NOT = {"53100"}, {"42501", "25006"}
"""SQLSTATE: the disk is full; a missing right, a database or server that is only read."""


class LedgerRefuses(ConfigurationError):
    """The ledger does not do what everybody asks of it."""


def is_refusal(error: SQLAlchemyError) -> bool:
    """Whether it tells of the database and would meet every request, not of what one was about."""
    return isinstance(error, OperationalError | InterfaceError) or _state(error) in _MAY_NOT | _MAY_NOT_SQLITE


def refusal_sentences(error: SQLAlchemyError) -> str:
    """What a ledger said, and the remedy. Of an error that may tell a value (of a row, a text) only the kind."""
    state = _state(error)
    said = type(error).__name__ if state is None else f"{type(error).__name__} {state}"
    if isinstance(error, DBAPIError) and is_refusal(error):
        said = masked(first_line(error))
    remedy = "Mend that in its database."
    if state in _FULL | _FULL_SQLITE:
        remedy = "Free space on its disk."
    if state in _MAY_NOT | _MAY_NOT_SQLITE:
        remedy = "Give the service's user the right to read and write there."
    return f"the ledger refuses what is asked of it: {said}. {remedy}"


def _state(error: SQLAlchemyError) -> str | int | None:
    """The SQLSTATE, or SQLite's primary code; None where the driver tells none."""
    of_driver = getattr(error, "orig", None)
    code = getattr(of_driver, "sqlite_errorcode", None)
    return getattr(of_driver, "sqlstate", None) if code is None else code & 0xFF
