"""The triggers that make a table refuse UPDATE and DELETE (and TRUNCATE), used by migrations."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

_POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION refuse_change_of_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused. Append a new fact.', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}"
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_fact()
"""
_SQLITE_TRIGGER = """
CREATE TRIGGER {table}_refuses_{operation} BEFORE {operation} ON "{table}"
BEGIN SELECT RAISE(ABORT, '{table} is append-only: {operation} refused. Append a new fact.'); END
"""


def make_append_only(connection: Connection, tables: Iterable[str]) -> None:
    """Make each table refuse to change a row that it holds; any error is raised by the database itself."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL_FUNCTION.replace("%", "%%"))
        statements = [_POSTGRESQL_TRIGGER.format(table=table) for table in tables]
    else:
        statements = [
            _SQLITE_TRIGGER.format(table=table, operation=operation)
            for table in tables
            for operation in ("UPDATE", "DELETE")
        ]
    for statement in statements:
        connection.exec_driver_sql(statement)
