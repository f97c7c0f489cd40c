"""What waits in the outbox too long is found, unless somebody holds it; and the memory of turns is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from decisionloop.contract.watchdog import Watchdog
from decisionloop.errors import UsageError
from decisionloop.ledger.alert_events import acknowledge_alert, close_alert
from decisionloop.ledger.alerts import NewAlert, alerts, append_alert
from decisionloop.ledger.batches import append_batch_event
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.held_actions import Holding, append_hold_event
from decisionloop.ledger.loop_facts import loop_facts
from decisionloop.ledger.outbox import Delivery, append_deliveries
from decisionloop.ledger.present_alerts import present_alerts, unanswered
from decisionloop.ledger.worker_turns import WorkerTurn, append_worker_turn, turn_memory

AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
BATCH, QUEUED = "credit_line/2005-07-08", datetime(2005, 7, 8, 6, 30, 15, 123456, tzinfo=UTC)
USE_CASE = SimpleNamespace(name="credit_line", watchdog=Watchdog())


def waiting(ledger):
    read = loop_facts(ledger, USE_CASE, False, AS_OF + timedelta(days=1))
    return read.waiting, read.oldest_waiting


def test_actions_that_nobody_holds_wait_until_they_have_left(released, rows):
    assert waiting(released) == (0, None)
    batch = rows(6)
    with released.begin() as connection:
        append_decisions(connection, batch.decisions)
    assert waiting(released) == (0, None), "the batch is not decided yet"
    append_batch_event(released, BATCH, "decided")
    assert waiting(released) == (3, QUEUED)
    with released.begin() as connection:
        append_hold_event(connection, BATCH, "credit_line", Holding("held", "stop", "anna", "all"))
    assert waiting(released) == (0, None)
    with released.begin() as connection:
        append_hold_event(connection, BATCH, "credit_line", Holding("released", "go", "anna", "all"))
    assert waiting(released) == (3, QUEUED)
    append_deliveries(released, [Delivery(one, 1, "delivered", None, AS_OF) for one in batch.sent_ids])
    append_batch_event(released, BATCH, "complete")
    assert waiting(released) == (0, None)


def test_an_alert_is_acknowledged_and_closed_by_name(ready):
    append_alert(ready, "credit_line", NewAlert("critical", "deployment", "It failed", "Look."))
    (one,) = unanswered(ready, "credit_line")
    first = acknowledge_alert(ready, one.alert_id, "anna", "looking")
    assert acknowledge_alert(ready, one.alert_id, "anna", "looking") == first
    assert unanswered(ready, "credit_line") == ()
    assert present_alerts(ready, "credit_line") == alerts(ready, "credit_line")
    close_alert(ready, one.alert_id, "ben", "mended")
    assert present_alerts(ready, "credit_line") == ()
    with pytest.raises(UsageError, match="closed by ben"):
        acknowledge_alert(ready, one.alert_id, "anna", "again")
    with pytest.raises(UsageError, match="no alert 'x'"):
        close_alert(ready, "x", "anna", "none")


def test_the_memory_of_turns_is_of_the_last_ones_and_not_of_watchdogs(ready):
    assert turn_memory(ready, "credit_line") is None
    for number, (flow, peak) in enumerate([("loop", 900), *[("loop", 100)] * 19, ("loop", 300), ("watchdog", 9_999)]):
        turn = WorkerTurn(f"run-{number}", "credit_line", flow, "host", True, peak, AS_OF + timedelta(hours=number))
        assert append_worker_turn(ready, turn)
        assert not append_worker_turn(ready, turn)
    told = turn_memory(ready, "credit_line")
    assert (told.last_bytes, told.most_bytes, told.turns) == (300, 300, 20)
