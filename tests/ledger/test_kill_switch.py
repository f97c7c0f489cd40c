"""The kill switch and whoever decides or sends exclude each other; what is unsent waits for a person."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from typing import Any

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.batches import append_batch_event
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import KILL_SWITCH, flag_history, is_kill_switch_on, set_flag
from decisionloop.ledger.held_actions import (
    cancel_held,
    count_unsent,
    last_hold_event,
    release_held,
    waiting_actions,
    withdrawn_ids,
)
from decisionloop.ledger.kill_switch import engage, lift
from decisionloop.ledger.outbox import Delivery, append_deliveries
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.sendings import begin_sending, end_sending, unended_sendings
from decisionloop.ledger.storage.engine import Ledger, open_ledger
from decisionloop.ledger.switch_lock import steady_switch

Rows = Callable[..., Any]
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
NAME, BATCH = "credit_line", "credit_line/2005-07-08"
SHORT_SECONDS = 0.3


def on(ledger: Ledger, wait_seconds: float = 5.0) -> Any:
    """Turn the switch on."""
    return engage(ledger, NAME, "complaints", "head", wait_seconds)


@pytest.fixture
def decided(ready: Ledger, rows: Rows) -> list[str]:
    """A batch is decided by a model: six decisions, three of them to be sent; returns those, by id."""
    made = rows(6)
    with ready.begin() as connection:
        append_decisions(connection, made.decisions.assign(role="champion"))
    append_batch_event(ready, BATCH, "decided")
    ids: list[str] = made.sent_ids
    return ids


def test_the_switch_waits_for_whoever_decides_and_then_decides_what_the_next_one_reads(ready: Ledger) -> None:
    order: list[str] = []
    is_inside, may_end = threading.Event(), threading.Event()

    def decide() -> None:
        with steady_switch(ready, NAME) as connection:
            order.append(f"reads {is_kill_switch_on(connection, NAME)}")
            is_inside.set()
            may_end.wait(10)
            order.append(f"still reads {is_kill_switch_on(connection, NAME)}")

    def turn() -> None:
        on(ready)
        order.append("acknowledged")

    deciding, turning = threading.Thread(target=decide), threading.Thread(target=turn)
    deciding.start()
    is_inside.wait(10)
    turning.start()
    turning.join(SHORT_SECONDS)
    assert turning.is_alive()
    may_end.set()
    deciding.join(10)
    turning.join(10)
    assert order == ["reads False", "still reads False", "acknowledged"]
    with steady_switch(ready, NAME) as connection:
        assert is_kill_switch_on(connection, NAME)


def test_one_who_decides_waits_for_a_switch_that_is_being_turned(ready: Ledger) -> None:
    read: list[bool] = []

    def decide() -> None:
        with steady_switch(ready, NAME) as connection:
            read.append(is_kill_switch_on(connection, NAME))

    deciding = threading.Thread(target=decide)
    with ready.begin() as connection:
        set_flag(connection, NAME, KILL_SWITCH, "on", "complaints", "head")
        deciding.start()
        deciding.join(SHORT_SECONDS)
        assert read == []
    deciding.join(10)
    assert read == [True]


def test_those_who_decide_share_the_lock_on_postgresql(postgresql_ledger: Ledger) -> None:
    with steady_switch(postgresql_ledger, NAME), steady_switch(postgresql_ledger, NAME) as connection:
        assert not is_kill_switch_on(connection, NAME)


def test_the_switch_of_one_use_case_waits_for_no_other_on_postgresql(postgresql_ledger: Ledger) -> None:
    with steady_switch(postgresql_ledger, "another"):
        assert on(postgresql_ledger).flag.value == "on"


def test_what_a_model_chose_is_held_and_what_left_or_the_rules_chose_is_not(
    ready: Ledger, rows: Rows, decided: list[str]
) -> None:
    with ready.begin() as connection:
        append_decisions(connection, rows(4, AS_OF + timedelta(days=1)).decisions)  # by the rules
    append_deliveries(ready, [Delivery(decided[0], 1, "delivered", None, AS_OF)])
    (held,) = on(ready).held
    assert (held.last.batch_id, held.actions, held.perhaps_arrived) == (BATCH, 2, 0)
    assert (held.last.state, held.last.by, held.last.reason) == ("held", "head", "complaints")


def test_lifting_releases_nothing_and_only_approvers_lift(ready: Ledger, decided: list[str]) -> None:
    on(ready)
    with pytest.raises(UsageError, match=r"'intern' may not lift .* names head, chief"):
        lift(ready, NAME, "mended", "intern", ["head", "chief"])
    assert is_kill_switch_on(ready, NAME)
    told = lift(ready, NAME, "mended", "chief", ["head", "chief"])
    assert not is_kill_switch_on(ready, NAME)
    assert [one.actions for one in told.held] == [len(decided)]


def test_what_is_released_stays_so_until_somebody_turns_the_switch_on_again(ready: Ledger, decided: list[str]) -> None:
    on(ready)
    (released,) = release_held(ready, NAME, [BATCH], "checked by hand", "owner", ["owner"])
    assert released.actions == len(decided)
    assert [one.last.state for one in waiting_actions(ready, NAME)] == ["released"]
    on(ready)  # also in the same words: who turns it on means what was released meanwhile
    assert last_hold_event(ready, BATCH).state == "held"
    assert len(flag_history(ready, NAME, KILL_SWITCH)) == 1
    on(ready)  # nothing was released since, so that nothing is added
    assert last_hold_event(ready, BATCH).seq == 3


def test_what_is_cancelled_is_withdrawn_for_good(ready: Ledger, decided: list[str]) -> None:
    append_deliveries(ready, [Delivery(decided[0], 1, "delivered", None, AS_OF)])
    on(ready)
    (cancelled,) = cancel_held(ready, NAME, [], "wrong", "owner")
    assert cancelled.actions == 2
    assert count_unsent(ready, BATCH) == 0
    # With the two that were to be sent go the three that send nothing; the one that had left stands.
    assert len(withdrawn_ids(ready, BATCH)) == 5
    assert decided[0] not in withdrawn_ids(ready, BATCH)
    with pytest.raises(UsageError, match="no action of credit_line is held"):
        release_held(ready, NAME, [], "after all", "owner", ["owner"])
    engage(ready, NAME, "again", "head", 5.0)
    assert last_hold_event(ready, BATCH).state == "cancelled"


def test_a_batch_that_does_not_wait_is_refused_by_name(ready: Ledger, decided: list[str]) -> None:
    on(ready)
    with pytest.raises(UsageError, match=r"no action in credit_line/1999-01-01 is held"):
        release_held(ready, NAME, [BATCH, "credit_line/1999-01-01"], "checked", "owner", ["owner"])
    assert last_hold_event(ready, BATCH).state == "held"


def test_the_acknowledgement_waits_for_a_chunk_that_is_under_way(ready: Ledger, decided: list[str]) -> None:
    begun = begin_sending(ready, NAME, BATCH, 0, len(decided), 60)

    def arrive() -> None:
        time.sleep(SHORT_SECONDS)
        with ready.begin() as connection:
            append_deliveries(connection, [Delivery(one, 1, "delivered", None, AS_OF) for one in decided])
            end_sending(connection, begun.sending_id, "delivered")

    arriving = threading.Thread(target=arrive)
    arriving.start()
    told = on(ready, 30)
    arriving.join()
    assert told.not_called_back == ()
    assert told.held == ()


def test_a_chunk_that_takes_too_long_is_named_and_cannot_be_cancelled_yet(ready: Ledger, decided: list[str]) -> None:
    begin_sending(ready, NAME, BATCH, 3, len(decided), 60)
    started = time.monotonic()
    (named,) = on(ready, SHORT_SECONDS).not_called_back
    assert SHORT_SECONDS <= time.monotonic() - started < 20
    assert named.as_text().startswith(f"chunk 3 of {BATCH} (3 actions, begun ")
    with pytest.raises(UsageError, match=r"chunk 3 .* is under way"):
        cancel_held(ready, NAME, [], "wrong", "owner")


def begin_and_wait(url: str, is_begun: Pipe) -> None:
    """Begin to send a chunk, and never come to its end."""
    with open_ledger(url) as ledger:
        begin_sending(ledger, NAME, BATCH, 0, 3, 1.0)
        is_begun.send(True)
        time.sleep(600)


def test_a_sender_that_was_killed_blocks_nobody_and_its_chunk_is_named(ready: Ledger, decided: list[str]) -> None:
    processes = multiprocessing.get_context("spawn")
    receiver, sender = processes.Pipe(duplex=False)
    url = ready.engine.url.render_as_string(hide_password=False)
    process = processes.Process(target=begin_and_wait, args=(url, sender), daemon=True)
    process.start()
    assert receiver.recv()
    os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    process.join()
    started = time.monotonic()
    told = on(ready, 60)
    assert time.monotonic() - started < 20  # by the time that its chunk could take, not by ours
    assert [one.chunk for one in told.not_called_back] == [0]
    assert [(one.actions, one.perhaps_arrived) for one in told.held] == [(3, 3)]
    again = begin_sending(ready, NAME, BATCH, 0, 3, 1.0)
    end_sending(ready, again.sending_id, "delivered")
    assert unended_sendings(ready, NAME) == ()
    assert utc_now() > again.at
