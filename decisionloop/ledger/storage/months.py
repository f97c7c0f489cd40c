"""Months of a ledger's ids: tables of PostgreSQL are kept in parts by month, and a part is made before it is written.

An id begins with eight hex digits of a second, so whatever text it is, it lies in one month. SQLite knows no parts.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Boolean, ColumnElement, Connection, Table, literal_column, select, text
from sqlalchemy.exc import DBAPIError

from decisionloop.errors import UsageError

MOST_NEW_MONTHS = 600
_FIRST_YEAR, _LAST_YEAR = 1970, 2106
_DIGITS, _SECONDS = 8, 2**32
_TOO_LARGE = "g"
"""What is greater than every hex digit."""
IS_DIVIDED: ColumnElement[bool] = literal_column(
    "(SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('decision_row'))", Boolean
)
"""Whether a ledger of PostgreSQL keeps its large tables in parts by month."""


def second_text(moment: datetime) -> str:
    """What ids made as of a moment begin with; `_TOO_LARGE` behind the last one."""
    second = int(moment.timestamp())
    return f"{second:0{_DIGITS}x}" if 0 <= second < _SECONDS else _TOO_LARGE if second > 0 else ""


def month_of(decision_id: str) -> date:
    """The first day of the month in which an id lies, whatever it looks like."""
    return _months()[max(0, bisect_right(_begins(), decision_id) - 1)]


def ids_of_month(month: date) -> tuple[str, str]:
    """The least text that an id of the month may be, and the least behind all of them."""
    place = _months().index(month.replace(day=1))
    return _begins()[place], (*_begins(), _TOO_LARGE)[place + 1]


def months_between(first: datetime, last: datetime) -> tuple[date, ...]:
    """The months from one moment to another (both included), by their first days."""
    begin, end = first.astimezone(UTC), last.astimezone(UTC)
    numbers = range(12 * begin.year + begin.month - 1, 12 * end.year + end.month)
    return tuple(date(number // 12, number % 12 + 1, 1) for number in numbers)


def are_kept_by_month(connection: Connection) -> bool:
    """Whether this ledger's large tables lie in parts by month."""
    return connection.dialect.name == "postgresql" and bool(connection.execute(select(IS_DIVIDED)).scalar())


def make_months(connection: Connection, moments: Iterable[date]) -> int:
    """Make the parts of the months of these moments where they are not there yet; returns how many were made.

    They stay until the transaction ends, whoever would drop them. Does nothing where tables are not kept by month.
    """
    wanted = sorted({date(one.year, one.month, 1) for one in moments} & set(_months()))
    if not wanted or not are_kept_by_month(connection):
        return 0
    if len(wanted) > MOST_NEW_MONTHS:
        raise UsageError(
            f"the ids of these rows lie in {len(wanted)} months, from {wanted[0]:%Y-%m} to {wanted[-1]:%Y-%m}: they do "
            "not begin with the second of their as-of, as ids of this version do. Keep this ledger on SQLite."
        )
    made = text("SELECT count(*) FILTER (WHERE make_month(one)) FROM unnest(CAST(:months AS date[])) AS one")
    return int(connection.execute(made, {"months": wanted}).scalar_one())


def make_months_of(connection: Connection, table: Table, rows: pa.Table) -> None:
    """Make the parts that these rows of a table are to be written into, where the table lies by month."""
    if not table.info.get("is_monthly") or not len(rows) or connection.dialect.name != "postgresql":
        return
    ends = pc.min_max(rows["decision_id"]).as_py()
    least, greatest = month_of(ends["min"]), month_of(ends["max"])
    if least == greatest:
        make_months(connection, [least])
        return
    seconds = pc.unique(pc.binary_slice(rows["decision_id"].cast(pa.binary()), 0, _DIGITS))
    make_months(connection, {month_of(one.decode()) for one in seconds.to_pylist()})


class MonthStays(Exception):
    """A month was not dropped: it holds more than is recorded as gone, or others work on it for seconds."""


def month_is_there(connection: Connection, month: date) -> bool:
    """Whether a month has a part of its own; one of before there were parts has none."""
    if connection.dialect.name != "postgresql":
        return False
    named = {"name": f"decision_row_{month:%Y_%m}"}
    return connection.execute(text("SELECT to_regclass(quote_ident(:name))"), named).scalar() is not None


def drop_month(connection: Connection, month: date, gone: Sequence[int]) -> None:
    """Drop the parts of a month, of whose decisions, outcomes and executions so many are recorded as gone.

    Raises MonthStays; the caller goes back to a savepoint then.
    """
    dropped = text("SELECT drop_month(:month, CAST(:gone AS bigint[]))")
    try:
        connection.execute(dropped, {"month": month, "gone": list(gone)})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _REFUSED:
            raise
        raise MonthStays(str(error.orig)) from error


_REFUSED = ("23001", "55P03", "40P01")
"""SQLSTATE of what `drop_month` refuses, of a lock that was not to be had in time, and of a deadlock."""


@functools.cache
def _months() -> tuple[date, ...]:
    numbers = range(12 * _FIRST_YEAR, 12 * _LAST_YEAR + 2)
    return tuple(date(number // 12, number % 12 + 1, 1) for number in numbers)


@functools.cache
def _begins() -> tuple[str, ...]:
    moments = (datetime(one.year, one.month, 1, tzinfo=UTC) for one in _months())
    return tuple(second_text(one) for one in moments)
