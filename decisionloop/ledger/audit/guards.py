"""Whether the triggers are there that keep rows as they are, and that tell the chain of new ones."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from decisionloop.ledger.audit.covered import COVERED
from decisionloop.ledger.audit.findings import Finding
from decisionloop.ledger.schema import metadata
from decisionloop.ledger.storage.engine import Ledger

_REFUSING, _TELLING = ("RAISE",), ("INSERT INTO audit_waiting",)
_ON_POSTGRESQL = """
SELECT c.relname, t.tgname, p.prosrc FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid
WHERE n.nspname = current_schema() AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
"""
_PARTS = """
SELECT part.relname, whole.relname FROM pg_inherits i
JOIN pg_class part ON part.oid = i.inhrelid JOIN pg_class whole ON whole.oid = i.inhparent
WHERE whole.relkind = 'p' AND whole.relnamespace = current_schema()::regnamespace
"""
_ON_SQLITE = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'"


def missing_guards(ledger: Ledger, last: int) -> Iterator[Finding]:
    """A finding for each table of facts whose triggers were dropped, switched off or emptied, by its name.

    ``last``: the last link. Since when they are gone nobody can say.
    """
    with ledger.connect() as connection:
        there = _triggers(connection)
        parts = [] if ledger.is_sqlite else [(str(one), str(of)) for one, of in connection.execute(text(_PARTS))]
    whole = [(one.name, one.name) for one in metadata.tables.values() if not one.info.get("is_working")]
    for table, of in sorted([*whole, *parts]):
        lost = [name for name, does in _expected(of, ledger.is_sqlite) if not _is_at_work(there, table, name, does)]
        if lost:
            words = f"{table} is not guarded: {', '.join(lost)} was dropped, switched off or emptied"
            yield Finding(last + 1, table, "unguarded", words)


def _expected(table: str, is_sqlite: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The triggers of a table, each with what it must do; those of a part by month are called like the table's."""
    if is_sqlite:
        yield from ((f"{table}_refuses_{operation}", _REFUSING) for operation in ("UPDATE", "DELETE"))
    else:
        yield f"{table}_is_append_only", _REFUSING
    if table in COVERED:
        yield f"{table}_awaits_audit", _TELLING


def _is_at_work(there: dict[tuple[str, str], str], table: str, name: str, does: tuple[str, ...]) -> bool:
    return all(one in there.get((table, name), "") for one in does)


def _triggers(connection: Connection) -> dict[tuple[str, str], str]:
    """What each trigger that is switched on does, by its table and its name."""
    statement = _ON_SQLITE if connection.dialect.name == "sqlite" else _ON_POSTGRESQL
    return {(str(table), str(name)): str(body) for table, name, body in connection.execute(text(statement))}
