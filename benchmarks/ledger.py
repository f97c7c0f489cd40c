"""How many decisions a second the ledger keeps, durably and once, and how fast a million come back.

Beside each append: the same narrow rows written to the same empty table by the driver alone, with nothing checked,
nothing kept once, and the rows already taken apart and in the driver's own form. Beside each read: pandas.read_sql of
the same statement.
"""

from __future__ import annotations

import io
import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import select

from benchmarks.figures import Figure
from benchmarks.postgresql import postgresql
from benchmarks.timing import RUNS, Fresh, interleaved
from decisionloop.act.identity import decision_ids
from decisionloop.ledger.decision_groups import grouped
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.schema import decision
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade
from decisionloop.ledger.storage.frames import read_frame
from decisionloop.ledger.storage.months import make_months

FIRST = datetime(2005, 7, 8, tzinfo=UTC)
"""The as-of of the first batch."""
GOAL_OF_DRIVER = 0.7
"""Of what the driver alone appends in the same run: rows a second say nothing of another machine."""
NewLedger = Callable[[], Ledger]


@dataclass(frozen=True)
class Rows:
    """The same decisions as Arrow, and as the narrow rows of them in the form that each driver takes."""

    table: pa.Table
    columns: tuple[str, ...]
    tuples: list[tuple[Any, ...]]
    csv: bytes


def measure(is_quick: bool) -> Iterator[Figure]:
    """Appends of 100,000 rows (50,000 when quick) and reads of 1,000,000 (50,000 when quick), on both engines."""
    rows = rows_of(50_000 if is_quick else 100_000)
    batches = 1 if is_quick else 10
    for engine, ledgers, alone in (
        ("SQLite", sqlite_ledgers, _sqlite3_alone),
        ("PostgreSQL", postgresql_ledgers, _copy_alone),
    ):
        with ledgers() as new:
            yield _append_figure(engine, new, alone, rows)
            yield _read_figure(engine, new(), batches, len(rows.table))


def _append_figure(engine: str, new: NewLedger, alone: Callable[[Ledger, Rows], None], rows: Rows) -> Figure:
    n = len(rows.table)
    took = interleaved(
        RUNS,
        {
            "ours": Fresh(new, lambda ledger: _append(ledger, rows)),
            "alone": Fresh(new, lambda ledger: alone(ledger, rows)),
        },
    )
    ours, floor = took["ours"].wall.rate(n), took["alone"].wall.rate(n)
    name = f"{engine}: append {n:,} decisions"
    return Figure(name, ours, "rows/s", "driver alone", floor, GOAL_OF_DRIVER, is_goal_of_ratio=True)


def _read_figure(engine: str, ledger: Ledger, batches: int, rows_a_batch: int) -> Figure:
    for number in range(batches):
        _append(ledger, rows_of(rows_a_batch, number))
    statement = select(decision)
    with ledger.connect() as connection:
        took = interleaved(
            RUNS,
            {
                "ours": lambda: read_frame(ledger, statement),
                "pandas": lambda: pd.read_sql(statement, connection),
            },
        )
    name = f"{engine}: read {batches * rows_a_batch:,} decisions"
    ours, peer = took["ours"].wall, took["pandas"].wall
    return Figure(name, ours, "s", "pandas.read_sql", peer, 0.5, better="lower", is_goal_of_ratio=True)


def _append(ledger: Ledger, rows: Rows) -> None:
    with ledger.begin() as connection:
        assert append_decisions(connection, rows.table) == len(rows.table)


def _sqlite3_alone(ledger: Ledger, rows: Rows) -> None:
    names, places = ", ".join(rows.columns), ", ".join("?" * len(rows.columns))
    with ledger.begin() as connection:
        cursor = connection.connection.cursor()
        cursor.executemany(f"INSERT INTO decision_row ({names}) VALUES ({places})", rows.tuples)


def _copy_alone(ledger: Ledger, rows: Rows) -> None:
    with ledger.begin() as connection:
        cursor: Any = connection.connection.cursor()
        with cursor.copy(f"COPY decision_row ({', '.join(rows.columns)}) FROM STDIN (FORMAT csv)") as copy:
            copy.write(rows.csv)


@contextmanager
def sqlite_ledgers() -> Iterator[NewLedger]:
    """Makes new ledgers on SQLite, in a folder that goes with the context."""
    with tempfile.TemporaryDirectory(prefix="decisionloop-benchmark-") as folder:
        numbers = itertools.count()
        yield lambda: create_or_upgrade(f"sqlite:///{folder}/{next(numbers)}.db")


@contextmanager
def postgresql_ledgers() -> Iterator[NewLedger]:
    """Makes new ledgers on a PostgreSQL that is stopped with the context, with the part of the batches' month."""
    with postgresql(is_empty=True) as new:
        yield lambda: _with_month(create_or_upgrade(new()))


def _with_month(ledger: Ledger) -> Ledger:
    with ledger.begin() as connection:  # the driver alone would find no part to write into
        make_months(connection, [FIRST])
    return ledger


def rows_of(n: int, number: int = 0) -> Rows:
    """A batch of `n` decisions of a model with reasons, as the act stage writes them, with ids as it makes them."""
    chance = np.random.default_rng(number)
    value = chance.normal(0, 1_000, n)
    action = np.where(value > 0, "increase", "hold")
    as_of = pd.Timestamp(FIRST) + pd.Timedelta(days=number)
    clients = [f"{client:06d}" for client in range(n)]
    frame = pd.DataFrame(
        {
            "decision_id": decision_ids("credit_line", clients, as_of.to_pydatetime()),
            "batch_id": f"credit_line/{as_of.date()}", "use_case": "credit_line",
            "entity_id": clients, "as_of": as_of,
            "snapshot_digest": "a" * 64, "snapshot_row": np.arange(n),
            "release_id": "credit_line/boosting/0123456789ab", "score": chance.random(n),
            "role": np.where(chance.random(n) < 0.05, "exploration", "champion"),
            "action_values": [f'{{"hold": 0.0, "increase": {amount:.2f}}}' for amount in value],
            "action": action, "propensity": np.where(action == "hold", 0.95, 0.05),
            "reason_codes": np.where(chance.random(n) < 0.5, '["status raises it"]', '["utilisation lowers it"]'),
            "rules_action": "hold", "is_sent": action == "increase",
            "policy_version": "1", "contract_digest": "b" * 64, "latency_ms": 0.01, "decided_at": as_of,
        }
    )  # fmt: skip
    rows = grouped(frame).rows
    sink = io.BytesIO()
    pyarrow.csv.write_csv(rows, sink, pyarrow.csv.WriteOptions(include_header=False))
    tuples = list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    return Rows(pa.Table.from_pandas(frame, preserve_index=False), tuple(rows.column_names), tuples, sink.getvalue())
