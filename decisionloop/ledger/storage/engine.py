"""Opening a ledger: one SQLAlchemy engine with the durability and the transactions that facts need.

Nothing in this process may open the SQLite file other than through Python's `sqlite3`: closing a second handle of it (a
plain `open`, another copy of the SQLite library) drops the process's locks, and acknowledged commits get lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, inspect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from decisionloop.errors import ConfigurationError, LedgerOutOfReach
from decisionloop.ledger.storage.arrow_connections import arrow_connections
from decisionloop.ledger.storage.lost_connections import is_lost, lost_connections_told, patiently
from decisionloop.ledger.storage.revision import (
    HEAD_REVISION,
    VERSION_TABLE,
    RevisionWatch,
    check_revision,
    current_revision,
)
from decisionloop.ledger.storage.spool import detach_spools
from decisionloop.ledger.storage.sqlite_connections import begin_sqlite, sqlite_pragmas
from decisionloop.private_files import make_private, touch_private
from decisionloop.settings import LedgerTuning
from decisionloop.telemetry import traces

PLAIN = LedgerTuning()


@dataclass(frozen=True)
class Ledger:
    """An open ledger whose tables are those of this version. Close it, or use it as a context manager.

    ``retry_seconds``: how long a transaction that has not begun waits for a database that does not answer.
    ``revision_watch``: None while it is migrated.
    """

    engine: Engine
    retry_seconds: float = 0.0
    revision_watch: RevisionWatch | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The ledger's URL without its password, for messages."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether this ledger is a SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @cached_property
    def readers(self) -> QueuePool:
        """The connections that read it as Arrow where it is in PostgreSQL."""
        return arrow_connections(self.engine.url)

    @contextmanager
    def begin(self, is_urgent: bool = False) -> Iterator[Connection]:
        """A write transaction: committed as a whole at the end, rolled back as a whole on any error.

        Where writers stand in line, on SQLite, one that ``is_urgent`` is let in before nearly all others.
        Raises ConfigurationError where the database is gone; it is not known then whether a commit has come to it.
        LedgerOutOfReach where it was gone before, and did not come back for ``retry_seconds``: nothing was done.
        ConfigurationError also where a newer version has migrated it since it was opened.
        """
        with self.connected() as plain, self.writing_on(plain, is_urgent) as connection:
            yield connection

    @contextmanager
    def writing_on(self, plain: Connection, is_urgent: bool = False) -> Iterator[Connection]:
        """The same on a connection that is open already."""
        with traces.part("ledger write"), lost_connections_told(self.name):
            connection = plain.execution_options(is_ledger_write=True, is_ledger_urgent=is_urgent)
            with connection.begin():
                if self.revision_watch is not None:
                    self.revision_watch.check(connection, self.name)
                yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A read-only connection; the database refuses to write through it.

        Raises ConfigurationError where the database is gone, LedgerOutOfReach as `begin` does.
        """
        with self.connected() as connection, lost_connections_told(self.name):
            if not self.is_sqlite:
                connection.execution_options(postgresql_readonly=True)
            yield connection

    def connected(self) -> Connection:
        """A connection that nothing has begun on. Raises LedgerOutOfReach as `begin` does."""
        with lost_connections_told(self.name):
            return patiently(self.engine.connect, self.name, self.retry_seconds)

    def close(self) -> None:
        """Give every connection back to the database."""
        self.engine.dispose()
        if not self.is_sqlite:
            self.readers.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_ledger(url: str, tuning: LedgerTuning = PLAIN, if_new: Callable[[], None] = lambda: None) -> Ledger:
    """Open the ledger at an SQLAlchemy URL (`sqlite:///path` or `postgresql+psycopg://…`).

    An empty SQLite file gets its tables at once, unless ``if_new`` raises an error. Any other database whose revision
    is not this version's raises `ConfigurationError` with the remedy; so does one that cannot be reached.
    """
    with _disposed_on_error(_engine(url, tuning)) as ledger:
        with ledger.engine.connect() as connection:
            revision = current_revision(connection)
            is_new_file = ledger.is_sqlite and not inspect(connection).get_table_names()
        if is_new_file:
            _upgrade(ledger, if_new)
        else:
            check_revision(revision, ledger.name)
        return replace(ledger, retry_seconds=tuning.retry_seconds, revision_watch=RevisionWatch())


@contextmanager
def ledger_there(url: str, tuning: LedgerTuning = PLAIN) -> Iterator[Ledger | None]:
    """The ledger at ``url`` as it is: nothing is made and nothing migrated. None where there is none yet.

    Raises `ConfigurationError` where its revision is not this version's, or it cannot be reached.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).is_file():
        yield None
        return
    with _disposed_on_error(_engine(url, tuning)) as ledger, ledger:
        with ledger.engine.connect() as connection:
            revision = current_revision(connection)
            is_empty = revision is None and not inspect(connection).get_table_names()
        if not is_empty:
            check_revision(revision, ledger.name)
        yield None if is_empty else ledger


def create_or_upgrade(url: str, tuning: LedgerTuning = PLAIN, if_new: Callable[[], None] = lambda: None) -> Ledger:
    """Open the ledger at `url`, first making or migrating its tables to this version's revision.

    Where there is none yet ``if_new`` may raise an error instead.

    Raises `ConfigurationError` for a ledger that a newer version wrote, or one that cannot be reached.
    """
    with _disposed_on_error(_engine(url, tuning)) as ledger:
        _upgrade(ledger, if_new)
        return replace(ledger, retry_seconds=tuning.retry_seconds, revision_watch=RevisionWatch())


def _upgrade(ledger: Ledger, if_new: Callable[[], None]) -> None:
    """Bring the tables to the head revision, in one transaction; other processes wait their turn."""
    from decisionloop.ledger.storage.migrate import upgrade

    with ledger.engine.connect() as connection:
        if current_revision(connection) == HEAD_REVISION:
            return
    with ledger.begin() as connection:
        revision = current_revision(connection)
        if revision == HEAD_REVISION:  # somebody else has done it meanwhile
            return
        has_foreign_tables = revision is None and bool(inspect(connection).get_table_names())
        if has_foreign_tables and ledger.is_sqlite:
            raise ConfigurationError(
                f"{ledger.name} holds tables but no {VERSION_TABLE}: it is not a ledger of decisionloop. "
                "Point DECISIONLOOP_LEDGER_URL at another file."
            )
        if revision is None:
            if_new()
        upgrade(connection, ledger.name)


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[Ledger]:
    """The ledger of an engine; no connection outlives an error, and a database error says what to look at."""
    ledger = Ledger(engine)
    try:
        yield ledger
    except DBAPIError as error:
        ledger.close()
        kind = LedgerOutOfReach if is_lost(error) else ConfigurationError
        raise kind(
            f"the ledger at {ledger.name} cannot be opened: {error.orig}. "
            "Check DECISIONLOOP_LEDGER_URL, that the database is up, and who may write there."
        ) from error
    except BaseException:
        ledger.close()
        raise


def _engine(url: str, tuning: LedgerTuning) -> Engine:
    """The engine of a ledger URL; nothing is connected yet."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql_engine(parsed, tuning)
    _make_private_file(Path(str(parsed.database)))
    engine = create_engine(parsed, hide_parameters=True)
    event.listen(engine, "connect", sqlite_pragmas(tuning.synchronous))
    event.listen(engine, "begin", begin_sqlite)
    event.listen(engine, "checkin", detach_spools)
    return engine


def _make_private_file(file: Path) -> None:
    """Begin a new ledger as its owner's alone; SQLite makes the files beside it likewise."""
    make_private(file.parent)
    with suppress(OSError):  # SQLite says better what is in the way
        touch_private(file)


def _parse(url: str) -> URL:
    """The URL with its driver spelled out; refuses what cannot keep a ledger."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        shown = re.sub(r"//[^/]*@", "//***@", url)  # as likely as not it holds a password
        raise ConfigurationError(f"the ledger URL {shown!r} is not an SQLAlchemy URL. {_URL_REMEDY}") from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    is_sqlite = parsed.drivername in {"sqlite", "sqlite+pysqlite"}
    is_sqlite_file = is_sqlite and parsed.database not in {None, "", ":memory:"}
    if not is_sqlite_file and parsed.drivername != "postgresql+psycopg":
        raise ConfigurationError(f"{parsed.render_as_string()} cannot keep a ledger. {_URL_REMEDY}")
    return parsed


_URL_REMEDY = "Set DECISIONLOOP_LEDGER_URL to sqlite:///path/to/ledger.db or postgresql+psycopg://user@host/db."


def _postgresql_engine(url: URL, tuning: LedgerTuning) -> Engine:
    given = {name: value for name, value in _POSTGRESQL_CONNECTION.items() if name not in url.query}
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=tuning.pool_size,
            hide_parameters=True,
            connect_args=given,
            # What is read behind a lock must be what was committed before it: a snapshot of the transaction would be
            # older.
            isolation_level="READ COMMITTED",
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"a ledger on PostgreSQL needs the package {error.name}. Install decisionloop[postgres]."
        ) from error
    event.listen(engine, "connect", _statement_timeout(round(1_000 * tuning.statement_seconds)))
    return engine


_POSTGRESQL_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""A server that is not there is not waited for, and one that has gone silent is found out within a minute."""


def _statement_timeout(milliseconds: int):  # type: ignore[no-untyped-def]
    """The listener that bounds every statement of a new connection."""

    def ready(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {milliseconds}")
        cursor.close()
        connection.commit()

    return ready
