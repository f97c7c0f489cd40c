"""Whatever cell of a chained row, or of the chain itself, somebody changes: verifying finds it, on both engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Float, Integer, LargeBinary, Table, and_, select, true, update
from sqlalchemy.exc import IntegrityError

from decisionloop.ledger.audit.covered import COVERED
from decisionloop.ledger.audit.links import links_of
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import verify
from decisionloop.ledger.schema import UtcDateTime, audit_block, audit_entry, decision_group, decision_row
from decisionloop.ledger.storage.engine import Ledger
from tests.ledger.conftest import AS_OF
from tests.ledger.test_audit_chain import behind_its_back, live

CHAIN = (audit_entry, audit_block)
ROWS = (*COVERED.values(), decision_row, decision_group)


def _another(value: Any, column: Column[Any]) -> Any:
    """A value of the column's type that is not the one that stands there."""
    if value is None:
        value = {Integer: 0, Float: 0.0, LargeBinary: b"x", UtcDateTime: AS_OF}.get(type(column.type), "")
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value[:-1]}{'0' if value.endswith('1') else '1'}"
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, int | float):
        return value + 1 if isinstance(value, int) else value / 2 + 0.125
    return value + timedelta(seconds=1)


def _cells(ledger: Ledger, tables: Iterable[Table[Any]]) -> Iterator[tuple[Table[Any], Column[Any], dict[str, Any]]]:
    """Each cell of a row of each table that holds one; of the chain's own a row of each kind of link."""
    links = {link.kind: link.seq for link in links_of(ledger)}
    for table in tables:
        wheres = [table.c.seq == seq for seq in links.values()] if table in CHAIN else [true()]
        for where in wheres:
            with ledger.connect() as connection:
                row = connection.execute(select(table).where(where).order_by(*table.primary_key.columns)).mappings()
                found = row.first()
            yield from ((table, column, dict(found)) for column in table.c if found is not None)


def _set(ledger: Ledger, table: Table[Any], row: dict[str, Any], column: str, value: Any) -> bool:
    """Set a cell of the row; False where the database itself will not have that value."""
    where = and_(*(key == row[key.name] for key in table.primary_key.columns))
    statement = update(table).where(where).values({column: value})
    try:
        with ledger.begin() as connection:
            behind_its_back(connection, statement)
    except IntegrityError:
        return False
    return True


@pytest.mark.parametrize(
    ("tables", "fewest"),
    [
        pytest.param(CHAIN, 30, id="of the chain"),
        pytest.param(ROWS, 45, id="of decisions and facts", marks=pytest.mark.exhaustive),
    ],
)
def test_any_one_cell_that_is_changed_is_found(ledger: Ledger, tables: Sequence[Table[Any]], fewest: int) -> None:
    live(ledger)
    seal(ledger)
    changed, missed = 0, []
    for table, column, row in _cells(ledger, tables):
        other = _another(row[column.name], column)
        if not _set(ledger, table, row, column.name, other):
            continue
        changed += 1
        if verify(ledger).is_whole:
            missed.append(f"{table.name}.{column.name}")
        assert _set(ledger, table, {**row, column.name: other}, column.name, row[column.name])
    assert (missed, verify(ledger).is_whole) == ([], True)
    assert changed > fewest


def test_damaged_keys_of_a_link_are_a_finding_beside_those_of_others(ledger: Ledger) -> None:
    live(ledger)
    seal(ledger)
    damaged = update(audit_block).where(audit_block.c.row_keys.is_not(None), audit_block.c.block == 1)
    with ledger.begin() as connection:
        behind_its_back(connection, damaged.values(row_keys=b"no zlib"), "UPDATE outcome SET outcome_class = 0")
    found = {one.what: one.words for one in verify(ledger).findings}
    assert "is damaged" in found["unreadable"]
    assert found["changed"].startswith("outcome ")
