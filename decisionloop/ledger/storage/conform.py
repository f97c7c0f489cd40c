"""Fitting an Arrow table to a table of the ledger: its columns, types and nulls, or an error that says which."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import BigInteger, Boolean, Column, Double, Float, Integer, String, Table
from sqlalchemy.types import TypeEngine

from decisionloop.errors import UsageError
from decisionloop.ledger.schema import UtcDateTime
from decisionloop.predict.text import has_nul

UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")


def arrow_type(kind: TypeEngine[Any]) -> pa.DataType | None:
    """The Arrow type of an SQL type: text, int64, float64, bool, UTC microseconds; None where it is unknown."""
    if isinstance(kind, UtcDateTime):
        return UTC_MICROSECONDS
    if isinstance(kind, Boolean):
        return pa.bool_()
    if isinstance(kind, Integer | BigInteger):
        return pa.int64()
    if isinstance(kind, Float | Double):
        return pa.float64()
    return pa.string() if isinstance(kind, String) else None


def conform(table: Table[Any], rows: pa.Table | pd.DataFrame) -> pa.Table:
    """The rows with exactly the columns of `table`, in its order and types; NaN becomes null.

    A nullable column may be left out. Raises `UsageError` for columns that the table does not have, for nulls
    where it allows none, for values that do not fit a type, for times without a timezone and for text with NUL.
    """
    if isinstance(rows, pd.DataFrame):
        rows = pa.Table.from_pandas(rows, preserve_index=False)
    unknown = sorted(set(rows.column_names) - set(table.c.keys()))
    if unknown:
        raise UsageError(f"{table.name} has no column {', '.join(unknown)}. It has {', '.join(table.c.keys())}.")
    columns = {column.name: _conform_column(table.name, column, rows) for column in table.c}
    return pa.table(columns)


def _conform_column(table: str, column: Column[Any], rows: pa.Table) -> pa.Array:
    """One column of the rows, as its column in the ledger wants it."""
    kind = arrow_type(column.type)
    if column.name not in rows.column_names:
        values = pa.nulls(len(rows), kind)
    else:
        values = _cast(f"{table}.{column.name}", rows[column.name], kind)
    if values.null_count and not column.nullable:
        raise UsageError(
            f"{table}.{column.name} must be known for every row; {values.null_count} of {len(rows)} rows lack it. "
            "Fill it before appending."
        )
    return values


def _cast(where: str, values: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """The values as one array of `kind`, NaN as null."""
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(values.type) and values.type.tz is None:
        raise UsageError(f"{where} holds times without a timezone. Pass timezone-aware UTC times.")
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    try:
        cast = values.cast(kind).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"{where} holds values that are no {kind}: {error}. Convert them first.") from error
    if pa.types.is_string(kind) and has_nul(cast):
        raise UsageError(f"{where} holds text with a NUL character, which no ledger can keep. Remove it.")
    return cast
