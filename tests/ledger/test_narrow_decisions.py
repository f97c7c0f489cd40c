"""A ledger of the first revision is moved faithfully: its decisions, its outbox, and what its batches named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, Table, create_engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from decisionloop.ledger.batch_parts import find_part, parts_of
from decisionloop.ledger.outbox import count_pending, pending
from decisionloop.ledger.schema import UtcDateTime, decision, outbox
from decisionloop.ledger.storage.engine import Ledger, create_or_upgrade, open_ledger
from decisionloop.ledger.storage.migrate import alembic_config
from decisionloop.ledger.storage.revision import HEAD_REVISION, current_revision
from tests.postgres_database import EMPTY, database_from

CONTRACT, RULES, MODEL = "c" * 64, "credit_line/rules/1", "credit_line/scorecard/2"
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
MANY = 11_000
"""More rows than are moved at a time."""
LATER = timedelta(hours=3, microseconds=7)
Row = dict[str, Any]


def _decisions(batch: str, as_of: datetime, rows: int) -> list[Row]:
    """Decisions of every role, some with a fault, some without a score; now and then against the rules."""
    roles = ("champion", "exploration", "holdout", "baseline")
    return [
        {
            "decision_id": f"{i:016x}{int(as_of.timestamp()):016x}", "batch_id": batch, "use_case": "credit_line",
            "entity_id": f"client, \"{i}\"", "as_of": as_of, "snapshot_digest": f"features of {batch}",
            "snapshot_row": i, "release_id": RULES if i % 4 > 1 else MODEL, "role": roles[i % 4],
            "score": None if i % 7 == 0 else i / rows, "amount": None if i % 5 else -1.5 * i,
            "action_values": f'{{"hold": 0, "increase": {i}}}', "action": "increase" if i % 3 else "hold",
            "propensity": 1.0 if i % 4 > 1 else 0.95, "reason_codes": json.dumps([["status", i / 8]]),
            "fallback_reason": "missing: limit" if i % 4 == 3 else None, "policy_version": "1/salt",
            "contract_digest": CONTRACT, "latency_ms": 0.012345,
            "decided_at": as_of + LATER,
        }
        for i in range(rows)
    ]  # fmt: skip


def _predictions(decisions: Sequence[Row]) -> list[Row]:
    """What the rules said (of all but one decision, which nobody asked them about) and a shadow."""
    kept = ("decision_id", "batch_id", "score", "amount", "action_values")
    rules = [
        {name: row[name] for name in kept}
        | {"release_id": RULES, "role": "baseline", "action": _by_rules(row), "reason": "[]"}
        for row in decisions[1:]
    ]
    return rules + [row | {"release_id": "another", "role": "shadow", "action": "hold"} for row in rules]


def _by_rules(row: Row) -> str:
    return "increase" if int(row["snapshot_row"]) % 2 else "hold"


def _is_sent(row: Row) -> bool:
    return bool(row["action"] == "increase")


def _event(batch: str, seq: int, state: str, detail: object = None) -> Row:
    return {"batch_id": batch, "seq": seq, "state": state, "detail": json.dumps(detail or {}), "at": AS_OF}


def _scored(of: str) -> dict[str, str]:
    return {"scores": f"scores {of}", "predictions": f"predictions {of}", "champion": MODEL}


FIRST, SECOND, OPEN = "credit_line/2005-07-08", "credit_line/2005-07-15", "credit_line/2005-07-22"
TIMES = {FIRST: AS_OF, SECOND: AS_OF + timedelta(days=7), OPEN: AS_OF + timedelta(days=14)}
DECISIONS = [*_decisions(FIRST, TIMES[FIRST], MANY), *_decisions(SECOND, TIMES[SECOND], 9)]
EVENTS = [
    _event(FIRST, 1, "opened"),
    _event(FIRST, 2, "frozen", {"snapshot": "torn", "rows": 3}),
    _event(FIRST, 3, "halted", {"check": "nulls"}),
    _event(FIRST, 4, "opened"),
    _event(FIRST, 5, "frozen", {"snapshot": f"features of {FIRST}", "rows": MANY, "newest": None}),
    _event(FIRST, 6, "validated", {"faults": "faults 1", "fault_rows": 0}),
    _event(FIRST, 7, "scored", _scored("1")),
    _event(FIRST, 8, "decided", {"decisions": MANY}),
    _event(FIRST, 9, "complete", {"sent": 5}),
    _event(SECOND, 1, "opened"),
    _event(SECOND, 2, "frozen", {"snapshot": f"features of {SECOND}", "rows": 9}),
    _event(SECOND, 3, "validated", {"faults": "faults 2"}),
    _event(SECOND, 4, "scored", _scored("2")),
    _event(SECOND, 5, "decided"),
    _event(OPEN, 1, "opened"),
    _event(OPEN, 2, "frozen", {"snapshot": f"features of {OPEN}", "rows": 1}),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def moved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger that the first revision wrote, moved to this one; no test can change it."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('old')}/l.db"
        else:
            url = stack.enter_context(database_from(request.getfixturevalue("postgres_server"), EMPTY))
        engine = create_engine(url)
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0001")
            _fill(connection)
        engine.dispose()
        create_or_upgrade(url).close()
        yield stack.enter_context(open_ledger(url))


def _fill(connection: Connection) -> None:
    contract = {"contract_digest": CONTRACT, "use_case": "credit_line", "contract_version": 1, "contract_yaml": "x"}
    _insert(connection, "use_case_version", [contract | {"recorded_at": AS_OF}])
    shared = {"use_case": "credit_line", "contract_digest": CONTRACT, "opened_at": AS_OF}
    _insert(connection, "batch", [shared | {"batch_id": name, "as_of": as_of} for name, as_of in TIMES.items()])
    _insert(connection, "batch_event", EVENTS)
    snapshot = {"kind": "scores", "uri": "file", "bytes": 1, "recorded_at": AS_OF}
    _insert(connection, "snapshot", [snapshot | {"digest": "scores 1", "rows": MANY}])
    _insert(connection, "decision", DECISIONS)
    _insert(connection, "prediction", _predictions(DECISIONS))
    names = ("decision_id", "batch_id", "use_case", "entity_id", "action")
    queued = [
        {name: row[name] for name in names} | {"payload": "{}", "queued_at": row["decided_at"]}
        for row in DECISIONS
        if _is_sent(row)
    ]
    _insert(connection, "outbox", queued)
    sent = {"decision_id": queued[0]["decision_id"]}
    _insert(connection, "delivery", [sent | {"attempt": 1, "status": "delivered", "at": AS_OF}])


def _insert(connection: Connection, name: str, rows: Sequence[Row]) -> None:
    table, dialect, kind = Table(name, MetaData(), autoload_with=connection), connection.dialect, UtcDateTime()

    def stored(value: object) -> object:
        return kind.process_bind_param(value, dialect) if isinstance(value, datetime) else value

    connection.execute(insert(table), [{name: stored(value) for name, value in row.items()} for row in rows])


def _told(ledger: Ledger, view: Table[Any]) -> list[Row]:
    with ledger.connect() as connection:
        return [dict(row) for row in connection.execute(select(view).order_by(view.c.decision_id)).mappings()]


def test_an_old_ledger_is_moved_and_tells_the_same(moved: Ledger) -> None:
    rules = [
        DECISIONS[0]["action"],
        *(_by_rules(row) for row in DECISIONS[1:]),
    ]  # nobody asked them about the first
    expected = [
        # Nobody had written down how the releases stood.
        row | {"rules_action": said, "is_sent": _is_sent(row), "release_seq": None}
        for row, said in zip(DECISIONS, rules, strict=True)
    ]
    assert _told(moved, decision) == sorted(expected, key=lambda row: str(row["decision_id"]))
    queued = [row for row in expected if row["is_sent"]]
    messages = _told(moved, outbox)
    assert [row["decision_id"] for row in messages] == sorted(row["decision_id"] for row in queued)
    assert {row["payload"] for row in messages} == {"{}"}
    assert {row["batch_id"]: row["queued_at"] for row in messages} == {
        batch: TIMES[batch] + LATER for batch in (FIRST, SECOND)
    }
    assert count_pending(moved, "credit_line") == len(queued) - 1
    assert [message.attempt for message in pending(moved, "credit_line", SECOND)] == [1] * 6
    with moved.connect() as connection:
        assert not {"prediction", "decision", "outbox"} & set(inspect(connection).get_table_names())
        groups = connection.execute(text("SELECT count(*), max(group_id) FROM decision_group")).one()
        assert current_revision(connection) == HEAD_REVISION
    assert groups[0] < 100
    assert groups[1] < 0  # where no number of a later group is


def test_what_a_decided_batch_named_is_its_one_part(moved: Ledger) -> None:
    for batch, number, attempt in ((FIRST, 1, 2), (SECOND, 2, 1)):
        for kind, digest in (
            ("features", f"features of {batch}"),
            ("faults", f"faults {number}"),
            ("scores", f"scores {number}"),
            ("predictions", f"predictions {number}"),
        ):
            (part,) = parts_of(moved, batch, kind)  # type: ignore[arg-type]
            assert (part.part, part.attempt, part.digest) == (0, attempt, digest)
    found = find_part(moved, FIRST, "scores", 0)
    assert found is not None
    assert found.rows == MANY
    assert parts_of(moved, OPEN, "features") == ()  # it is under way, and is cut and frozen anew


def test_a_moved_decision_cannot_be_changed(moved: Ledger) -> None:
    for table in ("decision_row", "decision_group", "batch_part"):
        with pytest.raises(DBAPIError, match="append-only"), moved.begin() as connection:
            connection.execute(text(f"DELETE FROM {table}"))
