"""Locks by name, held until the transaction ends: many may share one, or one may have it alone.

SQLite needs none: every write transaction is IMMEDIATE, so one is over before the next begins.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select


def share_lock(connection: Connection, kind: str, name: str) -> None:
    """Wait until nobody has the lock alone, and keep it from being had alone until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(func.hashtext(kind), func.hashtext(name))))


def take_lock(connection: Connection, kind: str, name: str) -> None:
    """Wait until nobody shares the lock, and have it alone until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(kind), func.hashtext(name))))
