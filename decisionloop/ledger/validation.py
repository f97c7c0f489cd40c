"""What the expectations said of each batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection

from decisionloop.ledger.schema import expectation_result
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class ExpectationResult:
    """What one expectation said. ``unexpected_share`` is in [0, 1]; ``column_name`` is None for a whole table."""

    expectation: str
    column_name: str | None
    severity: str
    is_success: bool
    observed: str | None
    unexpected_count: int | None
    unexpected_share: float | None
    remedy: str


@dataclass(frozen=True)
class _ResultRow(ExpectationResult):
    result_id: str
    batch_id: str
    attempt: int


def append_results(
    target: Ledger | Connection, batch_id: str, attempt: int, results: Sequence[ExpectationResult]
) -> int:
    """Append what an attempt at a batch was told; returns how many rows were new.

    A result is known by batch, attempt, expectation, column, severity and its place among those equal in these.
    """
    seen: Counter[tuple[str | None, ...]] = Counter()
    rows = []
    for result in results:
        key = (result.expectation, result.column_name, result.severity)
        seen[key] += 1
        result_id = facts.fact_id(batch_id, attempt, *key, seen[key])
        values = {field.name: getattr(result, field.name) for field in fields(result)}
        rows.append(_ResultRow(**values, result_id=result_id, batch_id=batch_id, attempt=attempt))
    return facts.add(target, expectation_result, rows)


def results(source: Ledger | Connection, batch_id: str, attempt: int) -> tuple[ExpectationResult, ...]:
    """What the expectations said at one attempt: failures first, then by severity, column and expectation."""
    table = expectation_result.c
    order = (table.is_success, table.severity, table.column_name, table.expectation, table.result_id)
    where = (table.batch_id == batch_id, table.attempt == attempt)
    return facts.every(source, ExpectationResult, expectation_result, *where, order_by=order)
