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
SELECT t.tgname, p.prosrc FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid
WHERE n.nspname = current_schema() AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
"""
_ON_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


def missing_guards(ledger: Ledger, last: int) -> Iterator[Finding]:
    """A finding for each table of facts whose triggers were dropped, switched off or emptied, by its name.

    ``last``: the last link. Since when they are gone nobody can say.
    """
    with ledger.connect() as connection:
        there = _triggers(connection)
    for table in sorted(metadata.tables.values(), key=lambda one: one.name):
        if table.info.get("is_working"):
            continue
        lost = [name for name, does in _expected(table.name, ledger.is_sqlite) if not _is_at_work(there, name, does)]
        if lost:
            words = f"{table.name} is not guarded: {', '.join(lost)} was dropped, switched off or emptied"
            yield Finding(last + 1, table.name, "unguarded", words)


def _expected(table: str, is_sqlite: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The triggers of a table, each with what it must do."""
    if is_sqlite:
        yield from ((f"{table}_refuses_{operation}", _REFUSING) for operation in ("UPDATE", "DELETE"))
    else:
        yield f"{table}_is_append_only", _REFUSING
    if table in COVERED:
        yield f"{table}_awaits_audit", _TELLING


def _is_at_work(there: dict[str, str], name: str, does: tuple[str, ...]) -> bool:
    return all(one in there.get(name, "") for one in does)


def _triggers(connection: Connection) -> dict[str, str]:
    """What each trigger that is switched on does, by its name."""
    statement = _ON_SQLITE if connection.dialect.name == "sqlite" else _ON_POSTGRESQL
    return {str(name): str(body) for name, body in connection.execute(text(statement))}
