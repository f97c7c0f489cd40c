"""Locks by name, held until the transaction ends: many may share one, or one may have it alone.

SQLite needs none: every write transaction is IMMEDIATE, so one is over before the next begins.
"""

from __future__ import annotations

from sqlalchemy import Connection, String, bindparam, func, select
from sqlalchemy.sql.elements import ColumnElement

from decisionloop.ledger.storage.prepared import Prepared


def share_lock(connection: Connection, kind: str, name: str) -> None:
    """Wait until nobody has the lock alone, and keep it from being had alone until this transaction ends."""
    if connection.dialect.name == "postgresql":
        _SHARE.rows(connection, {"kind": kind, "name": name})


def share_locks(connection: Connection, kind: str, first: str, second: str) -> None:
    """The same of two locks, one after the other, in one statement."""
    if connection.dialect.name == "postgresql":
        _SHARE_TWO.rows(connection, {"kind": kind, "first": first, "second": second})


def take_lock(connection: Connection, kind: str, name: str) -> None:
    """Wait until nobody shares the lock, and have it alone until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(kind), func.hashtext(name))))


def _shared(name: str) -> ColumnElement[None]:
    kind, of = bindparam("kind", type_=String), bindparam(name, type_=String)
    return func.pg_advisory_xact_lock_shared(func.hashtext(kind), func.hashtext(of))


_SHARE = Prepared(lambda _: select(_shared("name")))
_SHARE_TWO = Prepared(lambda _: select(_shared("first").label("one"), _shared("second").label("other")))
"""PostgreSQL works out what is selected from left to right."""
