"""Another database than the ledger's that is a SQLite file: MLflow's, copied while others write, and moved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from decisionloop.private_files import sync, touch_private

PLACES = ("artifact_location", "artifact_uri", "source", "storage_location")
"""The columns in which MLflow writes down where its files are."""


def copy_database(source: Path, target: Path) -> None:
    """Copy it as of now into the new file ``target``, closed and on disk."""
    touch_private(target)
    to_read = f"{source.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(to_read, uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=-1)
        new.execute("PRAGMA journal_mode = DELETE")
    sync(target)


def move_places(database: Path, old: str, new: str) -> None:
    """Name every file that lay below the URI ``old`` below the URI ``new``, in MLflow's own tables."""
    if old == new:
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = [str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = {str(row[1]) for row in connection.execute(f'PRAGMA table_info("{table}")')}
            for column in columns.intersection(PLACES):
                connection.execute(
                    f'UPDATE "{table}" SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?',
                    (new, len(old) + 1, len(old), old),
                )
