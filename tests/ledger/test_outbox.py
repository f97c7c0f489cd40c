"""What is queued is pending until it is delivered, comes in order, and a message that fails holds up nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.outbox import Delivery, append_deliveries, count_pending, deliveries_of, pending
from decisionloop.ledger.storage.engine import Ledger

Rows = Callable[..., Any]
AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
BATCH = "credit_line/2005-07-08"


def queue(ledger: Ledger, batch: Any) -> list[str]:
    """Decide a batch, which queues what it sends; returns the ids of that in order."""
    with ledger.begin() as connection:
        append_decisions(connection, batch.decisions)
    ids: list[str] = batch.sent_ids
    return ids


def test_messages_are_pending_in_order_until_delivered(ready: Ledger, rows: Rows) -> None:
    ids = queue(ready, rows(6))
    assert [message.decision_id for message in pending(ready, "credit_line", BATCH)] == ids
    assert append_deliveries(ready, [Delivery(ids[1], 1, "delivered", None, AS_OF)]) == 1
    assert [message.decision_id for message in pending(ready, "credit_line")] == [ids[0], ids[2]]
    assert count_pending(ready, "credit_line", BATCH) == 2
    assert count_pending(ready, "another") == 0


def test_a_message_says_all_that_the_receiver_needs(ready: Ledger, rows: Rows) -> None:
    queue(ready, rows(1))
    (message,) = pending(ready, "credit_line")
    assert (message.batch_id, message.entity_id, message.action) == (BATCH, "client-00000", "increase")
    assert (message.payload, message.attempt) == ("{}", 1)
    assert message.queued_at == datetime(2005, 7, 8, 6, 30, 15, 123456, tzinfo=UTC)


def test_a_failed_attempt_counts_and_leaves_the_message_pending(ready: Ledger, rows: Rows) -> None:
    ids = queue(ready, rows(1))
    for attempt in (1, 2):
        append_deliveries(ready, [Delivery(ids[0], attempt, "failed", "503", AS_OF)])
    (message,) = pending(ready, "credit_line")
    assert message.attempt == 3
    append_deliveries(ready, [Delivery(ids[0], 3, "delivered", "200", AS_OF)])
    assert pending(ready, "credit_line") == ()
    assert [attempt.status for attempt in deliveries_of(ready, ids[0])] == ["failed", "failed", "delivered"]


def test_pages_cover_everything_once_though_some_keep_failing(ready: Ledger, rows: Rows) -> None:
    ids = queue(ready, rows(21))
    seen: list[str] = []
    page = pending(ready, "credit_line", limit=4)
    while page:
        seen += [message.decision_id for message in page]
        append_deliveries(ready, [Delivery(page[0].decision_id, 1, "delivered", None, AS_OF)])
        page = pending(ready, "credit_line", limit=4, after=page[-1])
    assert seen == ids
    assert count_pending(ready, "credit_line") == len(ids) - 3


def test_the_same_attempt_is_kept_once(ready: Ledger, rows: Rows) -> None:
    ids = queue(ready, rows(1))
    attempt = Delivery(ids[0], 1, "delivered", None, AS_OF)
    assert append_deliveries(ready, [attempt]) == 1
    assert append_deliveries(ready, [attempt]) == 0
    assert append_deliveries(ready, []) == 0
