"""A batch opens once, its state is its last event, and running a flow again adds no event that is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from decisionloop.ledger.batches import (
    accepted_batches,
    append_batch_event,
    batch_id_of,
    batch_state,
    batches,
    events,
    find_batch,
    first_batch,
    last_event_at,
    latest_detail,
    latest_details,
    newest_batches,
    open_batch,
)
from decisionloop.ledger.snapshot_log import Snapshot, find_snapshot, record_snapshot
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.use_cases import contract, contracts, record_use_case
from decisionloop.ledger.validation import ExpectationResult, append_results, results

AS_OF = datetime(2005, 7, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
BATCH = "credit_line/2005-07-08"
CONTRACT = "c" * 64


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (AS_OF, "churn/2005-07-08"),
        (AS_OF + timedelta(hours=6, minutes=30), "churn/2005-07-08T06:30:00Z"),
        (datetime.fromisoformat("2005-07-08T08:00:00+08:00"), "churn/2005-07-08"),
    ],
)
def test_the_batch_id_says_use_case_and_as_of(as_of: datetime, expected: str) -> None:
    assert batch_id_of("churn", as_of) == expected


def test_opening_a_batch_again_gives_the_same_batch_and_no_event(ready: Ledger) -> None:
    first = find_batch(ready, BATCH)
    again = open_batch(ready, "credit_line", AS_OF, CONTRACT)
    assert again == first
    assert (again.batch_id, again.as_of, again.state, again.attempt) == (BATCH, AS_OF, "opened", 1)
    assert [event.state for event in events(ready, BATCH)] == ["opened"]


def test_the_state_is_the_last_event_and_its_detail_can_be_read(ready: Ledger) -> None:
    assert append_batch_event(ready, BATCH, "frozen", {"snapshot_digest": "a", "rows": 3})
    assert append_batch_event(ready, BATCH, "validated")
    assert batch_state(ready, BATCH) == "validated"
    assert latest_detail(ready, BATCH, "frozen") == {"snapshot_digest": "a", "rows": 3}
    assert latest_detail(ready, BATCH, "complete") == {}
    assert [event.seq for event in events(ready, BATCH)] == [1, 2, 3]


def test_details_of_several_batches_are_each_the_last_of_theirs_in_the_order_asked_for(ready: Ledger) -> None:
    later = open_batch(ready, "credit_line", AS_OF + WEEK, CONTRACT).batch_id
    append_batch_event(ready, BATCH, "frozen", {"rows": 3})
    append_batch_event(ready, later, "frozen", {"rows": 4})
    append_batch_event(ready, BATCH, "frozen", {"rows": 5})
    append_batch_event(ready, later, "validated", {"rows": 6})
    asked = [later, "credit_line/2004-01-01", BATCH]
    assert latest_details(ready, asked, "frozen") == ({"rows": 4}, {}, {"rows": 5})
    assert latest_details(ready, [], "frozen") == ()


def test_a_flow_that_was_killed_and_runs_again_adds_only_what_is_missing(ready: Ledger) -> None:
    states = ["frozen", "validated", "scored", "decided", "complete"]
    for stop in (2, 4, 5, 5):
        open_batch(ready, "credit_line", AS_OF, CONTRACT)
        for state in states[:stop]:
            append_batch_event(ready, BATCH, state)  # type: ignore[arg-type]
    assert [event.state for event in events(ready, BATCH)] == ["opened", *states]


def test_a_halted_batch_that_is_opened_again_is_a_second_attempt(ready: Ledger) -> None:
    append_batch_event(ready, BATCH, "frozen", {"snapshot_digest": "a"})
    append_batch_event(ready, BATCH, "halted", {"check": "nulls"})
    assert open_batch(ready, "credit_line", AS_OF, CONTRACT).attempt == 2
    assert append_batch_event(ready, BATCH, "frozen", {"snapshot_digest": "a"})
    assert append_batch_event(ready, BATCH, "halted", {"check": "nulls"})
    assert batch_state(ready, BATCH) == "halted"


def test_an_unknown_batch_has_no_state(ready: Ledger) -> None:
    assert batch_state(ready, "credit_line/1999-01-01") is None
    assert find_batch(ready, "credit_line/1999-01-01") is None


def test_batches_come_by_as_of_with_both_ends_included(ready: Ledger, opening: Callable[..., Any]) -> None:
    for weeks in (2, 1):
        opening(ready, AS_OF + weeks * WEEK)
    opening(ready, AS_OF, "another")
    assert [found.as_of for found in batches(ready, "credit_line")] == [AS_OF, AS_OF + WEEK, AS_OF + 2 * WEEK]
    span = batches(ready, "credit_line", AS_OF + WEEK, AS_OF + WEEK)
    assert [found.as_of for found in span] == [AS_OF + WEEK]


def test_only_batches_that_passed_and_lie_before_are_accepted(ready: Ledger, opening: Callable[..., Any]) -> None:
    histories = [["frozen", "validated"], ["frozen", "validated", "halted"], ["frozen"], ["frozen", "validated"]]
    for weeks, history in enumerate(histories):
        opened = opening(ready, AS_OF + weeks * WEEK)
        for state in history:
            append_batch_event(ready, opened.batch_id, state)  # type: ignore[arg-type]
    accepted = accepted_batches(ready, "credit_line", before=AS_OF + 3 * WEEK)
    assert [found.as_of for found in accepted] == [AS_OF]


def test_the_newest_batches_are_the_last_of_all_of_them(ready: Ledger, opening: Callable[..., Any]) -> None:
    histories = [["decided"], ["halted"], ["decided", "complete"], ["frozen"], ["decided"], []]
    assert first_batch(ready, "nobody's") is None
    for weeks, history in reversed(list(enumerate(histories))):
        opened = opening(ready, AS_OF + weeks * WEEK)
        for state in history:
            append_batch_event(ready, opened.batch_id, state)  # type: ignore[arg-type]
    opening(ready, AS_OF - WEEK, "another")
    every = batches(ready, "credit_line")
    decided = [one for one in every if one.is_decided]
    for count in (1, 2, 3, 9, None):
        assert newest_batches(ready, "credit_line", count, AS_OF + 9 * WEEK) == tuple(decided[-(count or 9) :])
    assert newest_batches(ready, "credit_line", 2, AS_OF + 2 * WEEK) == (every[0], every[2])
    assert newest_batches(ready, "credit_line", 1, AS_OF - WEEK) == ()
    assert first_batch(ready, "credit_line") == every[0]
    assert accepted_batches(ready, "credit_line", AS_OF + 4 * WEEK, 1) == (every[2],)
    assert last_event_at(ready, "credit_line", AS_OF) == every[0].state_at


def test_an_event_inside_the_callers_transaction_goes_with_it(ready: Ledger) -> None:
    def write_then_stop() -> None:
        with ready.begin() as connection:
            append_batch_event(connection, BATCH, "frozen")
            assert batch_state(connection, BATCH) == "frozen"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_then_stop()
    assert batch_state(ready, BATCH) == "opened"


def test_a_contract_is_kept_once_word_for_word(ledger: Ledger) -> None:
    yaml = 'use_case: credit_line  # « naïve » \\ "quoted"\n'
    assert record_use_case(ledger, "credit_line", CONTRACT, 3, yaml)
    assert not record_use_case(ledger, "credit_line", CONTRACT, 3, yaml)
    kept = contract(ledger, CONTRACT)
    assert kept is not None
    assert (kept.contract_yaml, kept.contract_version) == (yaml, 3)
    assert contracts(ledger, "credit_line") == (kept,)
    assert contract(ledger, "d" * 64) is None


def test_a_snapshot_is_kept_once_under_its_digest(ledger: Ledger) -> None:
    assert record_snapshot(ledger, Snapshot("a" * 64, "features", "memory://x", rows=7, bytes=3_000_000_000))
    assert not record_snapshot(
        ledger, Snapshot("a" * 64, "features", "memory://elsewhere", rows=7, bytes=3_000_000_000)
    )
    kept = find_snapshot(ledger, "a" * 64)
    assert kept is not None
    assert (kept.uri, kept.rows, kept.bytes) == ("memory://x", 7, 3_000_000_000)


def test_results_of_an_attempt_are_kept_once_even_where_two_are_alike(ready: Ledger) -> None:
    failed = ExpectationResult("in_range", "age", "critical", False, "-3", 2, 0.4, "Ask the source.")
    passed = ExpectationResult("row_count", None, "warning", True, None, None, float("nan"), "")
    assert append_results(ready, BATCH, 1, [passed, failed, failed]) == 3
    assert append_results(ready, BATCH, 1, [passed, failed, failed]) == 0
    assert append_results(ready, BATCH, 2, [passed]) == 1
    found = results(ready, BATCH, 1)
    assert found[:2] == (failed, failed)
    assert found[2].unexpected_share is None
