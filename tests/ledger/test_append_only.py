"""The database itself refuses to change or delete a fact, and to keep one that breaks a rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, delete, text, update
from sqlalchemy.exc import DBAPIError

from decisionloop.ledger.batches import open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.schema import decision_row, metadata, views
from decisionloop.ledger.storage.bulk import append
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.months import make_months, month_of

SOME_VALUES = {str: "x", int: 1, float: 1.0, bool: True, bytes: b"x", datetime: datetime(2005, 7, 8, tzinfo=UTC)}

# All but what the audit chain works with: what waits for it, and that an erasure is under way.
FACTS = [table for table in metadata.sorted_tables if not table.info.get("is_working")]


def test_no_table_lets_a_row_be_changed_or_deleted(ledger: Ledger) -> None:
    with ledger.begin() as connection:
        _put_one_row_everywhere(connection)
        for table in FACTS:
            column = next(iter(table.c))
            for statement in (update(table).values({column.name: column}), delete(table)):
                with pytest.raises(DBAPIError, match=f"{table.name} is append-only"), connection.begin_nested():
                    connection.execute(statement)


def test_what_is_told_of_decisions_can_only_be_read(ledger: Ledger, rows: Callable[..., Any]) -> None:
    """A view over two tables takes no rows: whatever is to be in it must be in the facts that it tells of."""
    batch = rows(2)
    with ledger.begin() as connection:
        append_decisions(connection, batch.decisions)
    for view in views.sorted_tables:
        column = next(iter(view.c))
        values = {one.name: SOME_VALUES[one.type.python_type] for one in view.c}
        for statement in (view.insert().values(values), update(view).values({column.name: column}), delete(view)):
            with pytest.raises(DBAPIError, match=r"(?i)view"), ledger.begin() as connection:
                connection.execute(statement)


def _put_one_row_everywhere(connection: Connection) -> None:
    """SQLite's triggers fire once a row, so that an empty table would prove nothing; foreign keys wait."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    else:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    make_months(connection, [month_of(str(SOME_VALUES[str]))])
    for table in FACTS:
        values = {column.name: SOME_VALUES[column.type.python_type] for column in table.c}
        connection.execute(table.insert().values(values))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = origin"))


def test_postgresql_refuses_truncate_as_well(postgresql_ledger: Ledger) -> None:
    with pytest.raises(DBAPIError, match="append-only: TRUNCATE"), postgresql_ledger.begin() as connection:
        connection.execute(text("TRUNCATE decision_row"))


def test_sqlite_refuses_insert_or_replace(sqlite_ledger: Ledger, rows: Callable[..., Any]) -> None:
    with sqlite_ledger.begin() as connection:
        append(connection, decision_row, rows(1).narrow)
    columns = ", ".join(decision_row.c.keys())
    replace = text(f"INSERT OR REPLACE INTO decision_row SELECT {columns} FROM decision_row")
    with pytest.raises(DBAPIError, match="append-only: DELETE"), sqlite_ledger.begin() as connection:
        connection.execute(replace)


@pytest.mark.parametrize("propensity", [0.0, 1.5, -0.1])
def test_a_propensity_outside_its_range_is_refused(ready: Ledger, rows: Callable[..., Any], propensity: float) -> None:
    wrong = rows(2).decisions.assign(propensity=propensity)
    refused = pytest.raises(Exception, match=r"(?i)ck_decision_row_propensity|check constraint")
    with refused, ready.begin() as connection:
        append_decisions(connection, wrong)


def test_a_batch_of_an_unrecorded_contract_is_refused(ready: Ledger) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        open_batch(ready, "another", datetime(2005, 7, 8, tzinfo=UTC), "d" * 64)
