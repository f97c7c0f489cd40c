"""Ledgers as an earlier version left them: at one of its revisions, with rows of its tables as they were then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, Table, create_engine

from decisionloop.ledger.schema import UtcDateTime
from decisionloop.ledger.storage.migrate import alembic_config

_TIMES = {"at", "created_at", "as_of", "recorded_at", "opened_at"}


def older_ledger(
    request: pytest.FixtureRequest, folder: Path, revision: str, fill: Callable[[Connection], None]
) -> str:
    """The URL of a database of the engine that ``request.param`` names, at a revision and filled."""
    is_sqlite = request.param == "sqlite"
    url: str = f"sqlite:///{folder}/old.db" if is_sqlite else request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), revision)
        fill(connection)
    engine.dispose()
    return url


def table_of(connection: Connection, name: str) -> Table[Any]:
    """A table as the database has it, whatever this version calls its columns."""
    table: Table[Any] = Table(name, MetaData(), autoload_with=connection)
    for column in table.c:
        if column.name in _TIMES:
            column.type = UtcDateTime()
    return table
