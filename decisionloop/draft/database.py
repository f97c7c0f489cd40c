"""A table of a database to begin with: all of its rows, as a file of them would say it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from decisionloop.errors import UsageError


@dataclass(frozen=True)
class DatabaseTable:
    """``table`` ("name" or "schema.name") of the database behind a SQLAlchemy URL."""

    url: str
    table: str

    def read(self) -> pd.DataFrame:
        """Every row, in the types of the database.

        Raises UsageError, without the password, where the database or the table is not there or cannot be read.
        """
        from sqlalchemy import MetaData, NullPool, Table, create_engine, select
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        schema, _, name = self.table.rpartition(".")
        try:
            url = make_url(self.url)
        except ArgumentError as error:
            raise UsageError(
                "--from is no URL of a database. Write it like postgresql+psycopg://user@host/database or sqlite:///file."
            ) from error
        where = f"table {self.table} of {url.render_as_string(hide_password=True)}"
        is_missing = url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file()
        if is_missing:  # SQLite would silently make an empty database
            raise UsageError(f"there is no database {url.database}. Correct --from.")
        try:
            engine = create_engine(url, poolclass=NullPool)
            found = Table(name, MetaData(), schema=schema or None, autoload_with=engine)
            with engine.connect() as connection:
                return pd.read_sql(select(found), connection)
        except (SQLAlchemyError, ImportError) as error:
            raise UsageError(
                f"{where} cannot be read ({type(error).__name__}). Check --from, --table, the driver in the URL, and "
                "the rights of the user."
            ) from error


def place_of(source: str, table: str) -> DatabaseTable | Path:
    """Where rows are read from: a table of the database behind the URL ``source``, or without ``table`` a file.

    Raises UsageError where one of the two does not fit the other.
    """
    if table and "://" not in source:
        raise UsageError("--table names a table of a database: give its URL by --from, such as sqlite:///shop.db.")
    if not table and "://" in source:
        raise UsageError("--from is the URL of a database: name the table by --table, or schema.table.")
    return DatabaseTable(source, table) if table else Path(source)
