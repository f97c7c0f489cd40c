"""Which revision of the tables a database has, and whether this version can work on it."""

from __future__ import annotations

import time

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from decisionloop.errors import ConfigurationError

HEAD_REVISION = "0024"
KNOWN_REVISIONS = tuple(f"{number:04}" for number in range(1, int(HEAD_REVISION) + 1))
# Not alembic's default name: an MLflow store in the same PostgreSQL database keeps its own there.
VERSION_TABLE = "decisionloop_ledger_version"
LOOK_SECONDS = 1.0

_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))


def current_revision(connection: Connection) -> str | None:
    """The revision of the tables, or None where there is no ledger yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_version.c.version_num)).scalar()


def check_revision(revision: str | None, name: str) -> None:
    """Raise `ConfigurationError` unless the ledger called `name` is at this version's revision."""
    if revision == HEAD_REVISION:
        return
    refuse_newer(revision, name)
    state = "has no tables yet" if revision is None else f"is at revision {revision}"
    raise ConfigurationError(
        f"the ledger at {name} {state}; this version works at revision {HEAD_REVISION}. "
        "Run `decisionloop ledger upgrade`."
    )


def refuse_newer(revision: str | None, name: str) -> None:
    """Raise `ConfigurationError` for a revision that this version does not know."""
    if revision is not None and revision not in KNOWN_REVISIONS:
        raise ConfigurationError(
            f"the ledger at {name} is at revision {revision}, which a newer version of decisionloop wrote; this "
            f"one knows revisions up to {HEAD_REVISION}. Install that newer version; do not go back."
        )


class RevisionWatch:
    """Lets nobody write by an older version's rules into a ledger that was migrated while their process ran.

    It looks once a second at most, so that a transaction costs no more.
    """

    def __init__(self) -> None:
        self._looked_at = time.monotonic()

    def check(self, connection: Connection, name: str) -> None:
        """Raise `ConfigurationError` where the ledger called ``name`` is no longer at this version's revision."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            check_revision(connection.execute(select(_version.c.version_num)).scalar(), name)
            self._looked_at = now
