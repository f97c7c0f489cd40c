"""Time through real Prefect: what a turn is as of, and a scheduled turn that makes up for those that were missed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.errors import BatchHalted, UsageError
from decisionloop.ledger.batches import batch_id_of, batch_state, batches
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.schedule import last_due_time
from decisionloop.workspace import open_workspace
from tests.live_use_case import A_WEEK, MONDAY, add_orders, order, orders, write_live
from tests.small_use_case import Written, settings_of

pytestmark = pytest.mark.xdist_group("flows")

WEEK = timedelta(days=7)


@pytest.fixture(scope="session")
def first_turn(prefect, tmp_path_factory):
    """``live`` with orders of four weeks, whose first turn was asked for by a time without a zone."""
    from flows.loop import loop

    folder = tmp_path_factory.mktemp("first turn")
    write_live(folder / "usecases", orders(4))
    with settings_of(folder):
        assert loop("live", "2024-01-01T06:00") == "live/2024-01-01T06:00:00Z"
        open_workspace("live").ledger.close()
    return folder


@pytest.fixture
def live(first_turn, tmp_path):
    """A copy of it, to go on with."""
    shutil.copytree(first_turn, tmp_path / "copy")
    with settings_of(tmp_path / "copy"):
        yield Written(tmp_path / "copy" / "usecases" / "live")
        open_workspace("live").ledger.close()


def _decided(as_of: datetime) -> int:
    return len(decisions_of_batch(open_workspace("live").ledger, batch_id_of("live", as_of)))


def test_a_turn_that_catches_up_decides_everybody_whom_earlier_ones_missed(live, prefect):
    from flows.loop import loop

    add_orders(live, order("late", MONDAY - timedelta(hours=1)))
    assert loop("live", MONDAY + 2 * WEEK, is_catching_up=True) == batch_id_of("live", MONDAY + 2 * WEEK)
    assert [_decided(MONDAY + n * WEEK) for n in range(3)] == [A_WEEK, A_WEEK, A_WEEK + 1]
    assert prefect.flow_runs("live 2024-01-15")["catch_up"] == "Completed"
    assert prefect.flow_runs("live 2024-01-08") == {"predict": "Completed", "act": "Completed"}


@pytest.mark.exhaustive
def test_a_missed_run_that_is_halted_keeps_no_other_from_being_made_up_for(live, prefect):
    from flows.loop import loop

    live.change("orders.csv", lambda had: had.drop(had.index[A_WEEK + 5 : 2 * A_WEEK]))  # five in the second week
    with pytest.raises(BatchHalted, match=r"2024-01-08.*row_count"):
        loop("live", MONDAY + 3 * WEEK, is_catching_up=True)
    ledger = open_workspace("live").ledger
    states = [batch_state(ledger, batch_id_of("live", MONDAY + n * WEEK)) for n in range(4)]
    assert states == ["complete", "halted", "complete", "complete"]


def test_a_halted_batch_is_decided_once_somebody_asks_to_catch_up_and_its_data_are_repaired(live, prefect):
    from flows.loop import loop

    second, third, fourth = (MONDAY + n * WEEK for n in (1, 2, 3))
    whole = live.folder / "data" / "orders.csv"
    had = whole.read_bytes()
    live.change("orders.csv", lambda had: had.drop(had.index[A_WEEK + 5 : 2 * A_WEEK]))  # five in the second week
    with pytest.raises(BatchHalted, match="row_count"):
        loop("live", second)
    with pytest.raises(BatchHalted, match=r"2024-01-08.*row_count"):  # it keeps no other from being decided
        loop("live", third, is_catching_up=True)
    assert (_decided(second), _decided(third)) == (0, A_WEEK)
    whole.write_bytes(had)
    assert loop("live", fourth, is_catching_up=True) == batch_id_of("live", fourth)
    assert (_decided(second), _decided(third), _decided(fourth)) == (A_WEEK, A_WEEK, A_WEEK)


def test_a_turn_without_a_time_is_as_of_the_last_due_time_of_its_schedule(live, prefect):
    from prefect import flow

    from flows.naming import as_of_turn

    told = flow(name="turn")(as_of_turn)("live", None, False)
    assert told == last_due_time(open_workspace("live").use_case.schedule, datetime.now(UTC))
    assert type(told) is datetime


def test_an_as_of_to_come_fails_the_run_and_writes_nothing(live, prefect):
    from flows.loop import loop

    before = batches(open_workspace("live").ledger, "live")
    with pytest.raises(UsageError, match="still to come"):
        loop("live", datetime.now(UTC) + WEEK)
    assert batches(open_workspace("live").ledger, "live") == before
