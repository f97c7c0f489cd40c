"""Dates of PostgreSQL that Python cannot hold: `infinity` is no date, and the year 20024 is a slip of the pen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from decisionloop.predict.unreadable import UNREADABLE

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement

_FIRST, _LAST = date(2, 1, 1), date(9998, 12, 31)  # a year within what Python holds, wherever the session's clock is


def within_reach(columns: Sequence[Column[Any]]) -> list[ColumnElement[Any]]:
    """The columns, their dates NULL where Python cannot hold them; last, where there are dates, which of them are such.

    That is text as `UNREADABLE` holds it. Of an infinite date nothing is said: it says that there is none.
    """
    from sqlalchemy import and_, case, func, literal, not_

    read: list[ColumnElement[Any]] = []
    told: ColumnElement[Any] | None = None
    for column in columns:
        bounds = _bounds(column)
        if bounds is None:
            read.append(column)
            continue
        is_near = column.between(*bounds)
        read.append(case((is_near, column)).label(column.name))
        is_far = and_(func.isfinite(column), not_(is_near))
        this = case((is_far, literal(f"{column.name}\n")), else_=literal(""))
        told = this if told is None else told.concat(this)
    return read if told is None else [*read, told.label(UNREADABLE)]


def _bounds(column: Column[Any]) -> tuple[date, date] | None:
    from sqlalchemy import Date, DateTime

    if isinstance(column.type, DateTime):
        zone = UTC if column.type.timezone else None
        first, last = (datetime(one.year, one.month, one.day, tzinfo=zone) for one in (_FIRST, _LAST))
        return first, last
    return (_FIRST, _LAST) if isinstance(column.type, Date) else None
