"""What the parts of a batch left behind is found by kind, in order, for the last attempt alone, and never replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from decisionloop.ledger.batch_parts import append_part, find_part, parts_of
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.summary import batch_summary

AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
BATCH = "credit_line/2005-07-08"
CONTRACT = "c" * 64


def test_parts_come_in_their_order_and_by_kind(ready: Ledger) -> None:
    for part in (2, 0, 10, 1):
        append_part(ready, BATCH, "due", part, f"due {part}", 100 + part)
    append_part(ready, BATCH, "features", 0, "features 0", 100)
    assert [(one.part, one.digest, one.rows) for one in parts_of(ready, BATCH, "due")] == [
        (0, "due 0", 100),
        (1, "due 1", 101),
        (2, "due 2", 102),
        (10, "due 10", 110),
    ]
    assert [one.digest for one in parts_of(ready, BATCH, "features")] == ["features 0"]
    assert parts_of(ready, BATCH, "choice") == ()
    assert find_part(ready, BATCH, "due", 10) == parts_of(ready, BATCH, "due")[-1]
    assert find_part(ready, BATCH, "due", 3) is None


def test_a_batch_that_was_stopped_at_its_beginning_names_no_decider_that_it_has_not(ready: Ledger) -> None:
    assert batch_summary(ready, BATCH).as_text() == f"{BATCH}: opened. Nobody has been decided yet."


def test_what_an_attempt_recorded_first_stands(ready: Ledger) -> None:
    first = append_part(ready, BATCH, "scores", 1, "first", 5)
    assert append_part(ready, BATCH, "scores", 1, "second", 6) == first
    assert parts_of(ready, BATCH, "scores") == (first,)


def test_a_new_attempt_begins_without_parts_and_leaves_those_of_the_old_one(ready: Ledger) -> None:
    append_part(ready, BATCH, "due", 0, "of the first attempt", 5)
    append_batch_event(ready, BATCH, "halted", {"check": "nulls"})
    assert [one.digest for one in parts_of(ready, BATCH, "due")] == ["of the first attempt"]
    assert open_batch(ready, "credit_line", AS_OF, CONTRACT).attempt == 2
    assert parts_of(ready, BATCH, "due") == ()
    again = append_part(ready, BATCH, "due", 0, "of the second", 6)
    assert (again.attempt, again.digest) == (2, "of the second")
    assert parts_of(ready, BATCH, "due") == (again,)


def test_a_part_is_kept_with_the_transaction_that_says_so(ready: Ledger) -> None:
    def append_then_stop() -> None:
        with ready.begin() as connection:
            append_part(connection, BATCH, "due", 0, "lost", 1)
            assert [one.digest for one in parts_of(connection, BATCH, "due")] == ["lost"]
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        append_then_stop()
    assert parts_of(ready, BATCH, "due") == ()


def test_workers_that_record_the_same_part_at_once_agree_on_one(ready: Ledger) -> None:
    told: list[str] = []
    start = threading.Barrier(4)

    def record(name: str) -> None:
        start.wait()
        for part in range(5):
            told.append(f"{part}: {append_part(ready, BATCH, 'scores', part, name, 1).digest}")

    threads = [threading.Thread(target=record, args=(f"worker {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [f"{one.part}: {one.digest}" for one in parts_of(ready, BATCH, "scores")]
    assert len(kept) == 5
    assert sorted(told) == sorted(kept * 4)


def test_parts_of_a_batch_that_nobody_opened_are_refused(ready: Ledger, rows: Callable[..., Any]) -> None:
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        append_part(ready, "credit_line/1999-01-01", "due", 0, "x", 1)
