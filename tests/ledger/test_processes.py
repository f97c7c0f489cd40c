"""Several processes on one ledger: writers queue up, a killed one leaves all or nothing, readers break no lock."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from decisionloop.ledger.batches import append_batch_event, events
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import MLFLOW_ALIASES, flag_history, set_flag
from decisionloop.ledger.schema import decision, decision_group, decision_row, outbox
from decisionloop.ledger.storage.engine import Ledger, open_ledger
from decisionloop.ledger.storage.frames import read, read_frame
from decisionloop.ledger.storage.sqlite_connections import WAIT_MS

Rows = Callable[..., Any]
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
BATCH = "credit_line/2005-07-08"
KILLS = 5
N = 3_000


@pytest.fixture(scope="module")
def processes() -> BaseContext:
    """Makes processes that share nothing with this one but have the library loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["decisionloop.ledger.decisions", "decisionloop.ledger.flags"])
    return context


def url_of(ledger: Ledger) -> str:
    """The URL to open a ledger by in another process."""
    return ledger.engine.url.render_as_string(hide_password=False)


def append_for_ever(url: str, batches: list[Any], acknowledged: Pipe) -> None:
    """Append batch after batch, each in one transaction, and say so when it is committed."""
    with open_ledger(url) as ledger:
        acknowledged.send(-1)
        for number, batch in enumerate(batches):
            with ledger.begin() as connection:
                append_decisions(connection, batch.decisions)
            acknowledged.send(number)


def append_all(url: str, batches: list[Any], seed: int) -> int:
    """Append batches in an order of one's own; returns how many decisions were new."""
    random.Random(seed).shuffle(batches)
    new = 0
    with open_ledger(url) as ledger:
        for batch in batches:
            with ledger.begin() as connection:
                new += append_decisions(connection, batch.decisions)
            set_flag(ledger, "credit_line", MLFLOW_ALIASES, str(seed), batch.decisions["batch_id"].iloc[0], "test")
            append_batch_event(ledger, BATCH, "scored", {"batch": batch.decisions["batch_id"].iloc[0]})
    return new


def say_by_turns(url: str, who: int, writes: int) -> float:
    """Say something new of use cases of which others speak too; returns the longest wait, in seconds."""
    longest = 0.0
    with open_ledger(url) as ledger:
        for number in range(writes):
            begun = time.monotonic()
            set_flag(ledger, f"use_case_{number % 3}", MLFLOW_ALIASES, f"{who}/{number}", "", "test")
            longest = max(longest, time.monotonic() - begun)
    return longest


def insert_and_close(url: str, use_case: str) -> None:
    """Write one row and close the file, as a short command line call does."""
    with open_ledger(url) as ledger:
        set_flag(ledger, use_case, MLFLOW_ALIASES, "{}", "", "another process")


def count_flags(url: str, answer: Pipe) -> None:
    """Tell of which use cases another process can see a flag."""
    with open_ledger(url) as ledger, ledger.connect() as connection:
        answer.send(sorted(connection.execute(text("SELECT use_case FROM flag")).scalars()))


@pytest.mark.parametrize("kill", [0, 1, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(2, KILLS))])
def test_a_process_killed_while_it_appends_leaves_whole_batches_and_all_it_acknowledged(
    ledger: Ledger, rows: Rows, processes: Any, kill: int
) -> None:
    batches = [rows(N, AS_OF + timedelta(days=day)) for day in range(40)]
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=append_for_ever, args=(url_of(ledger), batches, sender), daemon=True)
    process.start()
    acknowledged = [receiver.recv()]
    chance = random.Random(kill)
    for _ in range(chance.randrange(3)):
        acknowledged.append(receiver.recv())
    process.join(timeout=chance.random() * 0.15)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while receiver.poll():
        acknowledged.append(receiver.recv())

    counts = [_rows_by_batch(ledger, table) for table in (decision, decision_group, outbox)]
    assert all(set(found.values()) <= {expected} for found, expected in zip(counts, (N, 2, N // 2), strict=True))
    assert counts[0].keys() == counts[1].keys() == counts[2].keys()
    assert len(read(ledger, select(decision_row.c.decision_id))) == sum(counts[0].values())  # none without its group
    promised = {batches[number].decisions["batch_id"].iloc[0] for number in acknowledged if number >= 0}
    assert promised <= counts[0].keys()


def _rows_by_batch(ledger: Ledger, table: Any) -> dict[str, int]:
    found = read_frame(ledger, select(table.c.batch_id, func.count().label("n")).group_by(table.c.batch_id))
    return dict(zip(found["batch_id"], found["n"], strict=True))


def test_processes_that_append_the_same_batches_keep_each_row_once(ready: Ledger, rows: Rows, processes: Any) -> None:
    batches = [rows(200, AS_OF + timedelta(days=day)) for day in range(8)]
    with processes.Pool(2) as pool:
        running = pool.starmap_async(append_all, [(url_of(ready), batches, seed) for seed in range(2)])
        while not running.ready():
            read(ready, select(decision.c.decision_id))  # a reader in between is neither blocked nor in the way
        new = running.get(timeout=60)
    assert sum(new) == 200 * 8 == len(read(ready, select(decision.c.decision_id)))
    # What both said is there once, and no number was given twice.
    happened = events(ready, BATCH)
    assert [event.seq for event in happened] == list(range(1, 10))
    seqs = [flag.seq for flag in flag_history(ready, "credit_line", MLFLOW_ALIASES)]
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize(
    ("engine", "writers", "writes"),
    [
        ("sqlite", 4, 40),
        ("postgresql", 4, 40),
        pytest.param("sqlite", 8, 1_000, marks=pytest.mark.exhaustive),
        pytest.param("postgresql", 32, 1_000, marks=pytest.mark.exhaustive),
    ],
)
def test_of_many_who_write_at_once_none_is_locked_out_and_each_row_is_there_once(
    request: pytest.FixtureRequest, processes: Any, engine: str, writers: int, writes: int
) -> None:
    ledger: Ledger = request.getfixturevalue(f"{engine}_ledger")
    with processes.Pool(writers) as pool:
        waits = pool.starmap(say_by_turns, [(url_of(ledger), who, writes) for who in range(writers)])
    flags = [one for name in range(3) for one in flag_history(ledger, f"use_case_{name}", MLFLOW_ALIASES)]
    said = [f"{who}/{number}" for who in range(writers) for number in range(writes)]
    assert sorted(one.value for one in flags) == sorted(said)
    for name in range(3):
        seqs = [one.seq for one in flags if one.use_case == f"use_case_{name}"]
        assert seqs == list(range(1, len(seqs) + 1))
    assert max(waits) < WAIT_MS / 1_000 / 2


@pytest.mark.skipif(sys.platform == "win32", reason="writers stand in no line: Windows has no fcntl")
def test_who_turns_the_switch_begins_beside_the_line_of_writers(sqlite_ledger: Ledger) -> None:
    import fcntl

    def turn() -> None:
        with sqlite_ledger.begin(is_urgent=True):
            pass

    turning = threading.Thread(target=turn, daemon=True)
    line = os.open(Path(str(sqlite_ledger.engine.url.database)).parent, os.O_RDONLY)
    try:
        fcntl.flock(line, fcntl.LOCK_EX)  # somebody is next, and does not get on
        turning.start()
        turning.join(WAIT_MS / 2_000)
        assert not turning.is_alive()
    finally:
        os.close(line)
        turning.join()


def test_writers_of_other_keys_are_not_waited_for(postgresql_ledger: Ledger) -> None:
    with postgresql_ledger.begin() as connection:
        set_flag(connection, "one", MLFLOW_ALIASES, "{}", "", "a turn that takes long")
        with postgresql_ledger.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert set_flag(other, "two", MLFLOW_ALIASES, "{}", "", "somebody else").seq == 1
        with postgresql_ledger.begin() as same:
            same.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                set_flag(same, "one", MLFLOW_ALIASES, "[]", "", "somebody else")


def test_reading_a_sqlite_ledger_drops_none_of_its_locks(sqlite_ledger: Ledger, processes: Any) -> None:
    """Were it read with another copy of SQLite, the commit after the other process closed would be lost."""
    url = url_of(sqlite_ledger)
    set_flag(sqlite_ledger, "first", MLFLOW_ALIASES, "{}", "", "test")
    assert len(read(sqlite_ledger, select(decision))) == 0
    other = processes.Process(target=insert_and_close, args=(url, "second"))
    other.start()
    other.join()
    set_flag(sqlite_ledger, "third", MLFLOW_ALIASES, "{}", "", "test")
    receiver, sender = processes.Pipe(duplex=False)
    processes.Process(target=count_flags, args=(url, sender)).start()
    assert receiver.recv() == ["first", "second", "third"]
