"""How single facts are read and appended: frozen dataclasses whose fields are the columns of their table.

Every function takes an open `Ledger` (it then makes its own transaction) or a `Connection` of the caller's. What
comes by the thousand goes through `bulk` instead.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

import numpy as np
from pydantic import BaseModel
from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    Table,
    UnaryExpression,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from decisionloop.errors import UsageError
from decisionloop.ledger.schema import as_utc, utc_text
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.storage.prepared import Prepared

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


class Fact(Protocol):
    """A frozen dataclass whose field names are column names."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


F = TypeVar("F", bound=Fact)


@contextmanager
def reading(source: Ledger | Connection) -> Iterator[Connection]:
    """A connection to read from: the caller's own (which sees what it has not committed yet), or a new one."""
    if isinstance(source, Connection):
        yield source
    else:
        with source.connect() as connection:
            yield connection


@contextmanager
def writing(target: Ledger | Connection) -> Iterator[Connection]:
    """A connection to write through: the caller's transaction, or one of its own."""
    if isinstance(target, Connection):
        yield target
    else:
        with target.begin() as connection:
            yield connection


def add(target: Ledger | Connection, table: Table[Any], facts: Sequence[Fact]) -> int:
    """Append facts whose primary key is not there yet; returns how many were new."""
    if not facts:
        return 0
    insertion = _insertion(table, type(facts[0]))
    names = insertion.columns or ()
    rows = [{name: _stored(getattr(fact, name)) for name in names} for fact in facts]
    with writing(target) as connection:
        return insertion.write(connection, rows)


@functools.cache
def _insertion(table: Table[Any], kind: type[Fact]) -> Prepared:
    """One statement a table and kind of fact."""
    names = tuple(field.name for field in dataclasses.fields(kind))
    return Prepared(lambda dialect: _insert_new(table, dialect), names)


def _insert_new(table: Table[Any], dialect: str) -> Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing(index_elements=list(table.primary_key.columns))


def _stored(value: object) -> object:
    """A value that the drivers know: numpy numbers as Python's (sqlite3 would keep them as bytes), NaN as null."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def columns_of(kind: type[Fact], source: FromClause) -> list[ColumnElement[Any]]:
    """The columns that the fields of `kind` name, in their order."""
    return [source.c[field.name] for field in dataclasses.fields(kind)]


def every(
    source: Ledger | Connection,
    kind: type[F],
    table: FromClause,
    *where: ColumnElement[bool],
    order_by: Sequence[ColumnElement[Any] | UnaryExpression[Any]] = (),
) -> tuple[F, ...]:
    """Every row of `table` that satisfies `where`, as facts of `kind`."""
    return as_facts(source, kind, select(*columns_of(kind, table)).where(*where).order_by(*order_by))


def as_facts(source: Ledger | Connection, kind: type[F], statement: Select[*tuple[Any, ...]]) -> tuple[F, ...]:
    """The rows of a statement whose columns are the fields of `kind`, in order."""
    with reading(source) as connection:
        return tuple(kind(*row) for row in connection.execute(statement))


def one(source: Ledger | Connection, kind: type[F], table: FromClause, *where: ColumnElement[bool]) -> F | None:
    """The one row that satisfies `where`, or None."""
    found = every(source, kind, table, *where)
    return found[0] if found else None


def next_seq(connection: Connection, table: Table[Any], *key: ColumnElement[bool]) -> int:
    """The next `seq` under a key, counted from 1; other writers of the same key wait until this one commits.

    Without a key it is that of the whole table. Who needs several keys in one transaction takes them in one order.
    """
    take_lock(connection, table.name, _values(key))
    last = connection.execute(select(func.max(table.c.seq)).where(*key)).scalar()
    return 1 + (last or 0)


def _values(key: Sequence[ColumnElement[bool]]) -> str:
    """What each column of a key is held to equal, as text to be locked by."""
    return canonical_json([cast(BindParameter[Any], cast(BinaryExpression[bool], one).right).value for one in key])


def fact_id(*parts: object) -> str:
    """A deterministic id of 32 hexadecimal characters: the same parts always give the same fact."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:32]


def name_by_content(fact: Fact, field: str, *content: object) -> None:
    """Give a new fact its id, made of what tells it apart, in its `__post_init__`; one that was read keeps its own."""
    if not getattr(fact, field):
        object.__setattr__(fact, field, fact_id(*content))  # frozen for everybody else


def canonical_json(content: object) -> str:
    """JSON text, keys sorted, of plain values, dataclasses and pydantic models; NaN and infinities become null."""
    return json.dumps(_plain(content), sort_keys=True, ensure_ascii=False, allow_nan=False)


def _plain(content: object) -> object:
    """The content as what `json` can write; raises `UsageError` for anything else."""
    if isinstance(content, BaseModel):
        return _plain(content.model_dump(mode="json"))
    if dataclasses.is_dataclass(content) and not isinstance(content, type):
        return {field.name: _plain(getattr(content, field.name)) for field in dataclasses.fields(content)}
    if isinstance(content, Mapping):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if isinstance(content, datetime):
        return utc_text(as_utc(content))
    if isinstance(content, np.generic):
        return _plain(content.item())
    if content is None or isinstance(content, str | bool | int):
        return content
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    raise UsageError(f"the ledger cannot keep a {type(content).__name__} as JSON: {content!r}. Pass plain values.")
