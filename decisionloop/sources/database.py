"""Rows of one table behind any SQLAlchemy URL; bounds go into the query where the column's type makes that exact."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pandas as pd

from decisionloop.errors import SourceError
from decisionloop.sources.columns import times_of, utc_times
from decisionloop.sources.far_dates import within_reach
from decisionloop.sources.layout import Layout

if TYPE_CHECKING:
    from sqlalchemy import URL, Column, ColumnElement, Engine, Select, Table

MOST_IDS_A_QUERY = 10_000
"""Databases limit the parameters of a query: SQLite to 32,766, PostgreSQL to 65,535."""

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""As PostgreSQL writes it: what is written otherwise is no id of a row."""


@dataclass
class DatabaseRows:
    """Rows of ``table`` ("name" or "schema.name"); a relative SQLite file is looked for in ``folder``."""

    url: str
    table: str
    folder: Path
    layout: Layout
    undated: int = 0
    _is_raw: bool = False

    @property
    def where(self) -> str:
        """The table and its database, without a password, for messages."""
        return f"table {self.table} of {_parsed(self.url).render_as_string(hide_password=True)}"

    def between(
        self, after: pd.Timestamp | None, until: pd.Timestamp | None, entities: pd.Series | None = None
    ) -> pd.DataFrame:
        """Rows with ``after`` < time <= ``until``, of ``entities``."""
        bounds = [*self._bound(after, is_after=True), *self._bound(until, is_after=False)]
        rows = self.layout.applied(self._selected(bounds, entities), self.where, is_part=entities is not None)
        times = rows[self.layout.time]
        if entities is None:  # what is known of some people afterwards does not say who was due
            self.undated = int(times.isna().sum())
        kept = pd.Series(True, index=rows.index)
        if after is not None:
            kept &= times > after
        if until is not None:
            kept &= ~(times > until) if after is None else times <= until
        if entities is not None:
            kept &= rows[self.layout.entity].isin(entities)
        return rows[kept].reset_index(drop=True)

    def entities_between(self, after: pd.Timestamp, until: pd.Timestamp) -> pd.Series:
        """Of whom the rows with ``after`` < time <= ``until`` are."""
        return self.between(after, until)[self.layout.entity]

    def times(self) -> pd.Series:
        """The time of every row."""
        return self.between(None, None)[self.layout.time]

    def newest(self, until: pd.Timestamp) -> pd.Timestamp | None:
        """Largest time at or before ``until``."""
        from sqlalchemy import func, select

        bounds = self._bound(until, is_after=False)
        if not bounds:
            times = self._frame(select(next(one for one in self._columns() if one.name == self.layout.time)))
            known = self._times(times[self.layout.time])
            newest = known[known <= until].max()
        else:
            query = select(func.max(self._reflected.c[self.layout.time])).where(*bounds)
            newest = pd.to_datetime(self._frame(query).iloc[:, 0], utc=True).max()
        return None if pd.isna(newest) else newest

    def _times(self, written: pd.Series) -> pd.Series:
        if self.layout.unreadable_share:
            return times_of(written, self.where)[0]
        return utc_times(written, self.where, self.layout.is_time_required)

    def _selected(self, bounds: list[ColumnElement[bool]], entities: pd.Series | None) -> pd.DataFrame:
        from sqlalchemy import select

        is_sqlite, column = self._engine.dialect.name == "sqlite", self._column(self.layout.entity)
        ids = None if entities is None else _as_stored(entities, column, is_sqlite)
        try:
            return self._in_chunks(select(*self._columns()).where(*bounds), column, ids)
        except (TypeError, ValueError):  # by SQLAlchemy: a cell is not of its column's type
            if not is_sqlite or self._is_raw:
                raise
        self._is_raw = True
        return self._in_chunks(select(*self._columns()).where(*bounds), column, ids)

    def _in_chunks(self, query: Select[Any], column: Column[Any], ids: list[Any] | None) -> pd.DataFrame:
        if ids is None:
            return self._frame(query)
        chunks = [ids[i : i + MOST_IDS_A_QUERY] for i in range(0, max(len(ids), 1), MOST_IDS_A_QUERY)]
        return pd.concat([self._frame(query.where(column.in_(chunk))) for chunk in chunks], ignore_index=True)

    def _columns(self) -> list[ColumnElement[Any]]:
        """All columns; SQLite's times as the text that they are, in whatever ISO form they were written.

        Where SQLite holds what is not of a column's type, every column is read as it is there.
        """
        from sqlalchemy import Date, DateTime, String, type_coerce

        if self._engine.dialect.name == "postgresql":
            return within_reach(list(self._reflected.c))
        is_sqlite = self._engine.dialect.name == "sqlite"
        return [
            type_coerce(column, String).label(column.name)
            if is_sqlite and (self._is_raw or isinstance(column.type, DateTime | Date))
            else column
            for column in self._reflected.c
        ]

    def _column(self, name: str) -> Column[Any]:
        if name not in self._reflected.c:
            self.layout.applied(pd.DataFrame(columns=list(self._reflected.c.keys())), self.where)  # raises
        return self._reflected.c[name]

    def _bound(self, moment: pd.Timestamp | None, *, is_after: bool) -> list[ColumnElement[bool]]:
        from sqlalchemy import DateTime

        column = self._column(self.layout.time)
        if moment is None or self._engine.dialect.name == "sqlite" or not isinstance(column.type, DateTime):
            return []
        value = moment.to_pydatetime() if column.type.timezone else moment.tz_convert(None).to_pydatetime()
        return [column > value if is_after else column <= value]

    def _frame(self, query: Select[Any]) -> pd.DataFrame:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.connect() as connection:
                return pd.read_sql(query, connection)
        except SQLAlchemyError as error:
            raise self._unreadable(error) from error

    @functools.cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import NullPool, create_engine
        from sqlalchemy.exc import SQLAlchemyError

        url = _parsed(self.url)
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            file = self.folder / str(url.database)
            if not file.is_file():  # SQLite would silently make an empty database
                raise SourceError(f"there is no database {file}. Put it there, or correct `url` in the contract.")
            url = url.set(database=str(file))
        try:
            return create_engine(url, poolclass=NullPool)
        except (SQLAlchemyError, ImportError) as error:
            raise self._unreadable(error) from error

    @functools.cached_property
    def _reflected(self) -> Table:
        from sqlalchemy import MetaData, Table
        from sqlalchemy.exc import SQLAlchemyError

        schema, _, name = self.table.rpartition(".")
        try:
            return Table(name, MetaData(), schema=schema or None, autoload_with=self._engine)
        except SQLAlchemyError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> SourceError:
        return SourceError(
            f"{self.where} cannot be read: {type(error).__name__}: {error}. "
            "Check `url` and `table` in the contract, the driver, and the rights of the database user."
        )


def _parsed(url: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url)
    except ArgumentError as error:
        raise SourceError(
            "the contract's `url` is not a database URL. Write it like postgresql+psycopg://user@host/database."
        ) from error


def _as_stored(ids: pd.Series, column: Column[Any], is_sqlite: bool) -> list[Any] | None:
    """Ids as the column stores them; None where the column's type does not tell, so that all rows are read."""
    from sqlalchemy import BigInteger, Integer, SmallInteger, String, Uuid

    unique, kind = ids.drop_duplicates(), column.type
    if isinstance(kind, Integer):
        bits = 63 if is_sqlite or isinstance(kind, BigInteger) else 15 if isinstance(kind, SmallInteger) else 31
        whole = (int(one) for one in unique[unique.str.fullmatch(r"-?\d{1,19}")])
        return [one for one in whole if -(2**bits) <= one < 2**bits]  # others are refused, and no row has them
    if isinstance(kind, String):
        return list(unique)
    if isinstance(kind, Uuid) and kind.as_uuid:
        return [UUID(one) for one in unique[unique.str.fullmatch(_UUID)]]
    return None
