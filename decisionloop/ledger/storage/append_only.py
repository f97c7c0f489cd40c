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
_POSTGRESQL_BUT_FOR_ERASURE = """
CREATE FUNCTION refuse_change_but_for_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'TRUNCATE' AND EXISTS (SELECT 1 FROM erasing) THEN RETURN NULL; END IF;
    RAISE EXCEPTION '% is append-only: % refused. Append a new fact.', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$
"""
_SQLITE_TRIGGER = """
CREATE TRIGGER {table}_refuses_{operation} BEFORE {operation} ON "{table}" {unless}
BEGIN SELECT RAISE(ABORT, '{table} is append-only: {operation} refused. Append a new fact.'); END
"""


def make_append_only(connection: Connection, tables: Iterable[str]) -> None:
    """Make each table refuse to change a row that it holds; any error is raised by the database itself."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL_FUNCTION.replace("%", "%%"))
        statements = [_POSTGRESQL_TRIGGER.format(table=table) for table in tables]
    else:
        statements = [
            _SQLITE_TRIGGER.format(table=table, operation=operation, unless="")
            for table in tables
            for operation in ("UPDATE", "DELETE")
        ]
    for statement in statements:
        connection.exec_driver_sql(statement)


def let_erasures_through(connection: Connection, tables: Iterable[str]) -> None:
    """Let rows of tables that are append-only go, or change, while `erasing` has a row, and at no other time."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_POSTGRESQL_BUT_FOR_ERASURE.replace("%", "%%"))
        for table in tables:
            connection.exec_driver_sql(f'DROP TRIGGER {table}_is_append_only ON "{table}"')
            trigger = _POSTGRESQL_TRIGGER.replace("refuse_change_of_fact", "refuse_change_but_for_erasure")
            connection.exec_driver_sql(trigger.format(table=table))
        return
    unless = "WHEN NOT EXISTS (SELECT 1 FROM erasing)"
    for table in tables:
        for operation in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(f"DROP TRIGGER {table}_refuses_{operation}")
            connection.exec_driver_sql(_SQLITE_TRIGGER.format(table=table, operation=operation, unless=unless))
