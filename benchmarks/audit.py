"""How fast a ledger is chained and verified: every decision hashed anew and held against the root that was kept.

Beside it the same decisions read out of the same ledger and nothing done with them: what verifying cannot do without.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from sqlalchemy import select

from benchmarks.figures import Figure
from benchmarks.ledger import NewLedger, postgresql_ledgers, rows_of, sqlite_ledgers
from benchmarks.timing import RUNS, interleaved
from decisionloop.ledger.audit.seal import seal
from decisionloop.ledger.audit.verify import verify
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.schema import decision
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.ledger.use_cases import record_use_case

ROWS, QUICK_ROWS, BATCHES = 250_000, 25_000, 4
ROWS_A_SECOND = 100_000
CONTRACT = "c" * 64


def measure(is_quick: bool) -> Iterator[Figure]:
    """A million decisions in four batches (100,000 when quick), on both engines."""
    rows = QUICK_ROWS if is_quick else ROWS
    for engine, ledgers in (("SQLite", sqlite_ledgers), ("PostgreSQL", postgresql_ledgers)):
        with ledgers() as new:
            yield from _figures(engine, new, rows)


def _figures(engine: str, new: NewLedger, rows: int) -> Iterator[Figure]:
    n = BATCHES * rows
    with new() as ledger:
        for number in range(BATCHES):
            _decide(ledger, rows, number)
        begun = perf_counter()
        seal(ledger)
        yield Figure(f"{engine}: chain {n:,} decisions", n / (perf_counter() - begun), "rows/s")
        took = interleaved(
            RUNS, {"ours": lambda: _verified(ledger), "reading": lambda: read_frame(ledger, select(decision))}
        )
        ours, floor = took["ours"].wall.rate(n), took["reading"].wall.rate(n)
        name = f"{engine}: verify {n:,} decisions"
        yield Figure(name, ours, "rows/s", "reading them", floor, ROWS_A_SECOND)


def _decide(ledger: Ledger, rows: int, number: int) -> None:
    table = rows_of(rows, number).table
    record_use_case(ledger, "credit_line", CONTRACT, 1, "name: credit_line")
    batch = open_batch(ledger, "credit_line", table["as_of"][0].as_py(), CONTRACT)
    with ledger.begin() as connection:
        append_decisions(connection, table)
        append_batch_event(connection, batch.batch_id, "decided", {})


def _verified(ledger: Ledger) -> None:
    found = verify(ledger)
    assert not found.findings, found.findings[0]
