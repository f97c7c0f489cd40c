"""Decisions are found by entity and by time, on both engines, newest first; names and streams are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.act.identity import decision_ids
from decisionloop.ledger.batches import open_batch
from decisionloop.ledger.decision_search import Sought, find_decisions
from decisionloop.ledger.decisions import append_decisions
from decisionloop.ledger.flags import KILL_SWITCH, set_flag
from decisionloop.ledger.schema import stream_segment
from decisionloop.ledger.storage import facts
from decisionloop.ledger.stream import Segment, count_unsealed
from decisionloop.ledger.use_cases import known_names, record_use_case
from decisionloop.ledger.watching_periods import seal_into
from tests.ledger.conftest import AS_OF, CONTRACT, USE_CASE, batch_rows

WEEK = timedelta(days=7)
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def decided(ledger):
    """Three weekly batches of five."""
    record_use_case(ledger, USE_CASE, CONTRACT, 1, "")
    for number in range(3):
        open_batch(ledger, USE_CASE, AS_OF + number * WEEK, CONTRACT)
        with ledger.begin() as connection:
            append_decisions(connection, batch_rows(5, AS_OF + number * WEEK).decisions)
    return ledger


def test_an_entity_is_found_in_every_batch_newest_first(decided):
    found = find_decisions(decided, Sought(USE_CASE, *ALWAYS, "client-00002"), 10)
    assert [(one.entity_id, one.as_of) for one in found] == [
        ("client-00002", AS_OF + number * WEEK) for number in (2, 1, 0)
    ]
    assert find_decisions(decided, Sought(USE_CASE, *ALWAYS, "client-00002"), 2) == found[:2]
    assert find_decisions(decided, Sought(USE_CASE, AS_OF, AS_OF + WEEK, "client-00002"), 10) == found[2:]
    assert not find_decisions(decided, Sought("another", *ALWAYS, "client-00002"), 10)


def test_a_stretch_of_time_includes_its_begin_and_not_its_end(decided):
    found = find_decisions(decided, Sought(USE_CASE, AS_OF + WEEK, AS_OF + 2 * WEEK), 10)
    assert {one.as_of for one in found} == {AS_OF + WEEK}
    assert len(found) == 5
    assert len(find_decisions(decided, Sought(USE_CASE, *ALWAYS), 7)) == 7


def test_the_ledger_knows_whom_it_had_a_contract_or_a_switch_of(decided):
    set_flag(decided, "a_folder_that_is_gone", KILL_SWITCH, "on", "so", "anna")
    assert known_names(decided) == ("a_folder_that_is_gone", USE_CASE)


def test_what_is_sealed_is_no_more_unsealed(decided):
    segments = [Segment(name, USE_CASE, AS_OF, rows, "{}", "{}", AS_OF) for name, rows in (("a", 3), ("b", 4))]
    facts.add(decided, stream_segment, segments)
    assert count_unsealed(decided, USE_CASE) == 7
    with decided.begin() as connection:
        seal_into(connection, f"{USE_CASE}/{AS_OF:%Y-%m-%d}", 0, segments[:1], 0)
    assert (count_unsealed(decided, USE_CASE), count_unsealed(decided, "another")) == (4, 0)


def test_what_was_decided_one_at_a_time_is_found_by_its_own_moment(decided):
    rows = batch_rows(5, AS_OF).decisions.assign(decided_at=AS_OF + timedelta(hours=20))
    segments = [Segment("a", USE_CASE, AS_OF, 5, "{}", "{}", AS_OF)]
    facts.add(decided, stream_segment, segments)
    batch_id = open_batch(decided, USE_CASE, AS_OF + timedelta(minutes=1), CONTRACT).batch_id
    ids = decision_ids(USE_CASE, rows["entity_id"].tolist(), AS_OF + timedelta(hours=20))
    own = rows.assign(batch_id=batch_id, as_of=AS_OF + timedelta(minutes=1), decision_id=ids)
    with decided.begin() as connection:
        append_decisions(connection, own)
        seal_into(connection, batch_id, 0, segments, 0)
    late = Sought(USE_CASE, AS_OF + timedelta(hours=19), AS_OF + timedelta(hours=21))
    assert {(one.decision_id, one.as_of) for one in find_decisions(decided, late, 10)} == {
        (one, AS_OF + timedelta(hours=20)) for one in ids
    }
    early = Sought(USE_CASE, AS_OF, AS_OF + timedelta(hours=1))
    assert not {one.decision_id for one in find_decisions(decided, early, 10)} & set(ids)
