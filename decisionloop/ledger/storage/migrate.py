"""Running the migrations that come with the package, inside a transaction of the caller."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from decisionloop.ledger.storage.revision import HEAD_REVISION, current_revision, refuse_newer

MIGRATIONS = Path(__file__).parents[1] / "migrations"
ADVISORY_LOCK = 0x6465636C  # "decl": one migration at a time on a PostgreSQL server


def upgrade(connection: Connection, name: str) -> None:
    """Bring the tables to `HEAD_REVISION`. Raises `ConfigurationError` for a ledger newer than this version."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    refuse_newer(current_revision(connection), name)
    command.upgrade(alembic_config(connection), HEAD_REVISION)


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for the package's own migrations, run on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
