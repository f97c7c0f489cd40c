"""Many rows go into SQLite by way of a file apart: it must change nothing but the time that it takes."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.schema import decision, decision_row
from decisionloop.ledger.storage import bulk, frames
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.storage.frames import read, read_frame
from tests.ledger.test_bulk import AS_OF, Rows, _days, each_with_its_fixtures, stories, told

TOLD = ("action_values", "fallback_reason", "score", "amount", "decided_at", "is_sent", "snapshot_row")


@each_with_its_fixtures
@given(told_stories=stories)
def test_spooled_rows_are_those_that_are_handed_over(sqlite_ledger: Ledger, rows: Rows, told_stories) -> None:
    found = []
    for few in (1, 1_000_000):
        frame = rows(len(told_stories), AS_OF + timedelta(days=next(_days))).decisions
        with pytest.MonkeyPatch.context() as patch, sqlite_ledger.begin() as connection:
            patch.setattr(bulk, "WORTH_SPOOLING_ROWS", few)
            assert append_decisions(connection, told(frame, told_stories)) == len(frame)
        statement = select(*(decision.c[name] for name in TOLD)).order_by(decision.c.snapshot_row)
        statement = statement.where(decision.c.batch_id == frame["batch_id"].iloc[0])
        with sqlite_ledger.connect() as connection:
            found.append([tuple(row) for row in connection.execute(statement)])
    assert found[0] == found[1]


def test_spooled_rows_that_are_there_are_left_out(sqlite_ledger: Ledger, rows: Rows, monkeypatch) -> None:
    monkeypatch.setattr(bulk, "WORTH_SPOOLING_ROWS", 1)
    frame = rows(30).decisions
    appended = []
    for part in (frame.iloc[:20], frame.iloc[10:], frame, pd.concat([frame, frame])):
        with sqlite_ledger.begin() as connection:
            appended.append(append_decisions(connection, part))
    assert appended == [20, 10, 0, 0]
    assert len(read_frame(sqlite_ledger, select(decision_row))) == 30


def test_a_violated_constraint_is_no_conflict_to_be_ignored(sqlite_ledger: Ledger, rows: Rows, monkeypatch) -> None:
    monkeypatch.setattr(bulk, "WORTH_SPOOLING_ROWS", 1)
    frame = rows(30).decisions
    frame.loc[29, "propensity"] = 2.0
    with pytest.raises(IntegrityError, match="propensity"), sqlite_ledger.begin() as connection:
        append_decisions(connection, frame)
    assert read_frame(sqlite_ledger, select(decision_row)).empty


def test_no_spool_outlives_its_transaction(sqlite_ledger: Ledger, rows: Rows, monkeypatch) -> None:
    """SQLite attaches ten files at most."""
    monkeypatch.setattr(bulk, "WORTH_SPOOLING_ROWS", 1)
    for week in range(15):
        with sqlite_ledger.begin() as connection:
            append_decisions(connection, rows(5, AS_OF + timedelta(weeks=week)).decisions)
    with sqlite_ledger.connect() as connection:
        attached = [row[1] for row in connection.exec_driver_sql("PRAGMA database_list")]
    assert attached == ["main"]


@each_with_its_fixtures
@given(told_stories=stories)
def test_few_rows_are_read_as_many_are(sqlite_ledger: Ledger, rows: Rows, told_stories) -> None:
    frame = rows(len(told_stories), AS_OF + timedelta(days=next(_days))).decisions
    with sqlite_ledger.begin() as connection:
        append_decisions(connection, told(frame, told_stories))
    meant = select(decision).where(decision.c.batch_id == frame["batch_id"].iloc[0])
    for statement in (meant.order_by(decision.c.snapshot_row), meant.where(decision.c.batch_id == "none")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(frames, "FEW_ROWS", -1)
            by_file = read(sqlite_ledger, statement)
        assert read(sqlite_ledger, statement).equals(by_file)


def test_a_question_with_more_values_than_sqlite_takes_is_answered(sqlite_ledger: Ledger, rows: Rows) -> None:
    with sqlite_ledger.begin() as connection:
        append_decisions(connection, rows(3).decisions)
    asked = [*rows(3).decisions["decision_id"], *map(str, range(300_000))]
    assert len(read_frame(sqlite_ledger, select(decision).where(decision.c.decision_id.in_(asked)))) == 3
