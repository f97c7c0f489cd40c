"""The triggers that say of every new row that the audit chain does not hold it yet, used by migrations.

A row and the note that it waits are committed together, whoever writes it, so that no row is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

KEYS = ("k1", "k2", "k3", "k4")
_COLUMNS = ", ".join(("table_name", *KEYS))
_POSTGRESQL = """
CREATE FUNCTION {table}_awaits_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_waiting ({columns}) SELECT '{table}', {keys} FROM added ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_awaits_audit AFTER INSERT ON "{table}" REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION {table}_awaits_audit()
"""
_SQLITE_TRIGGER = """
CREATE TRIGGER {table}_awaits_audit AFTER INSERT ON "{table}"
BEGIN INSERT INTO audit_waiting ({columns}) VALUES ('{table}', {keys}); END
"""
_WHAT_IS_THERE = "INSERT INTO audit_waiting ({columns}) SELECT '{table}', {keys} FROM \"{table}\""


_POSTGRESQL_TIME = """to_char({named} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
"""As SQLite keeps a time, whatever the time zone of the session that writes."""


def await_audit(connection: Connection, keys_of: Mapping[str, Sequence[str]], times: Collection[str] = ()) -> None:
    """Let each table's rows, those that are there and those to come, wait for the chain under their primary keys.

    ``times``: columns of these keys that hold times.
    """
    is_postgresql = connection.dialect.name == "postgresql"
    of_time = tuple(times) if is_postgresql else ()
    for table, keys in keys_of.items():
        said = {"table": table, "columns": _COLUMNS}
        if is_postgresql:
            connection.exec_driver_sql(_POSTGRESQL.format(**said, keys=_texts(keys, times=of_time)))
            connection.exec_driver_sql(_POSTGRESQL_TRIGGER.format(table=table))
        else:
            connection.exec_driver_sql(_SQLITE_TRIGGER.format(**said, keys=_texts(keys, "NEW.")))
        connection.exec_driver_sql(_WHAT_IS_THERE.format(**said, keys=_texts(keys, times=of_time)))


def _texts(keys: Sequence[str], prefix: str = "", times: Collection[str] = ()) -> str:
    """Four SQL expressions of text: those of the key, then empty ones."""
    named = [
        _POSTGRESQL_TIME.format(named=f'"{key}"') if key in times else f'CAST({prefix}"{key}" AS TEXT)' for key in keys
    ]
    return ", ".join([*named, *["''"] * (len(KEYS) - len(named))])
