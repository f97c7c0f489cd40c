"""Whoever logs decisions or begins to send actions, and whoever turns the kill switch, keep each other out.

To read the switch in the same transaction is not enough: on PostgreSQL it could be turned, and acknowledged, between
the reading and the commit. So the ones share a lock that the other must have alone. The switch of everything has a lock
of its own, which all of them share before that of their use case.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from decisionloop.ledger.storage.advisory_lock import share_lock, share_locks, take_lock
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.kept_connection import KeptConnection

EVERYTHING = "*"
"""What stands for every use case, also for one that is made later; it is no name of a use case."""
_KIND = "kill_switch"


@contextmanager
def steady_switch(ledger: Ledger | KeptConnection, use_case: str) -> Iterator[Connection]:
    """A write transaction during which nobody turns the kill switch: what it reads of it holds to its end."""
    with ledger.begin() as connection:
        share_locks(connection, _KIND, EVERYTHING, use_case)
        yield connection


def take_switch(connection: Connection, use_case: str) -> None:
    """Wait for every transaction of :func:`steady_switch`, and keep new ones waiting until this one is committed.

    ``use_case``: `EVERYTHING` waits for those of every use case, and for whoever turns the switch of one. It must be
    the first lock that a transaction takes.
    """
    if use_case == EVERYTHING:
        take_lock(connection, _KIND, EVERYTHING)
    else:
        share_lock(connection, _KIND, EVERYTHING)
        take_lock(connection, _KIND, use_case)
