"""Whoever is due is decided once, whatever the as-ofs of the batches that see them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from decisionloop.errors import UsageError
from decisionloop.ledger.batches import batch_id_of, events, latest_detail
from decisionloop.ledger.decisions import decisions_of_batch
from decisionloop.ledger.outbox import count_pending
from decisionloop.ledger.summary import batch_summary, finished_turns
from tasks.act import log_unless_overtaken
from tests.engines import ON_ONE
from tests.live_use_case import A_WEEK, EVERYONE, MONDAY, add_orders, order, orders, write_live
from tests.tasks.installation import Installation, run_flow, working_in

WEEK, HOUR, MOMENT = timedelta(days=7), timedelta(hours=1), timedelta(microseconds=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """``live`` with orders of three weeks, on either engine."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url_with_tables")
    with working_in(tmp_path, write_live(tmp_path / "usecases", orders(3)), url) as installation:
        assert installation.ledger.is_sqlite == (not url)
        yield installation


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Installation]:
    """``live`` with orders of three weeks."""
    with working_in(tmp_path, write_live(tmp_path / "usecases", orders(3))) as installation:
        yield installation


def decide(live: Installation, as_of: datetime, **more: bool) -> list[str]:
    """Predict and act; returns who was decided in the batch."""
    batch_id = run_flow("predict", "live", as_of, **more)
    run_flow("act", "live", batch_id)
    return decided(live, as_of)


def decided(live: Installation, as_of: datetime) -> list[str]:
    return sorted(decisions_of_batch(live.ledger, batch_id_of("live", as_of))["entity_id"])


def fell_due_between(after: datetime, until: datetime) -> list[str]:
    rows = orders(3)
    return sorted(rows["customer_id"][(rows["ordered_at"] > after) & (rows["ordered_at"] <= until)])


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_as_ofs_close_to_each_other_do_not_decide_the_same_people_again(live):
    assert len(decide(live, MONDAY)) == A_WEEK
    sent, first = live.sent(), batch_id_of("live", MONDAY)
    for later in (MONDAY + MOMENT, MONDAY + HOUR, MONDAY + timedelta(days=1)):
        assert decide(live, later) == []
        assert live.state_of(later) == "covered"
        summary = batch_summary(live.ledger, batch_id_of("live", later))
        assert summary.decided_before == summary.due > 0
        assert summary.decided_in == ((first, summary.due),)
        assert summary.as_text().endswith(
            f"nobody is left to decide. {summary.due} of {summary.due} who were due had been decided before "
            f"({summary.due} in {first})."
        )
    assert live.sent() == sent


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_the_rest_is_decided_and_the_batch_says_who_was_before(live):
    add_orders(live.written, order("new", MONDAY + timedelta(hours=20)))
    first = decide(live, MONDAY)
    later = MONDAY + timedelta(days=2)
    rest = decide(live, later)
    fell_due = fell_due_between(later - WEEK, later)
    assert rest == sorted({*fell_due, "new"} - {*first})
    assert "new" in rest
    assert live.state_of(later) == "complete"  # the bounds of data_quality.rows are of everybody who was due
    detail = latest_detail(live.ledger, batch_id_of("live", later), "frozen")
    assert detail["rows"] == len(rest)
    assert detail["decided_before"] == detail["due"] - len(rest) > 0
    (event,) = live.announced("batch.overlaps")
    assert event["payload"]["decided_before"] == detail["decided_before"]
    assert (
        f"{detail['decided_before']} of {detail['due']}"
        in batch_summary(live.ledger, batch_id_of("live", later)).as_text()
    )


def test_who_is_due_again_is_decided_again_however_soon(on_sqlite):
    early, again = "c00039", MONDAY + timedelta(hours=3)
    assert early in decide(on_sqlite, MONDAY)
    add_orders(on_sqlite.written, order(early, again))
    assert decide(on_sqlite, MONDAY + timedelta(hours=2)) == []
    assert early in decide(on_sqlite, MONDAY + timedelta(hours=4))
    assert early not in decide(on_sqlite, MONDAY + WEEK)


def test_going_back_in_time_decides_those_whom_no_later_batch_has(on_sqlite):
    later = decide(on_sqlite, MONDAY + WEEK)
    earlier = MONDAY + WEEK - timedelta(days=2)
    rest = decide(on_sqlite, earlier)
    assert rest == fell_due_between(earlier - WEEK, MONDAY)
    assert rest
    assert not {*later} & {*rest}


@pytest.mark.parametrize("live", ON_ONE, indirect=True)
def test_running_a_batch_again_adds_nothing(live):
    for as_of in (MONDAY, MONDAY + HOUR):
        decide(live, as_of)
    before, sent = live.tables(), live.sent()
    for as_of in (MONDAY + HOUR, MONDAY):
        decide(live, as_of)
    assert live.tables() == before
    assert live.sent() == sent


def test_a_covered_batch_decides_who_comes_later(on_sqlite):
    decide(on_sqlite, MONDAY)
    assert decide(on_sqlite, MONDAY + HOUR) == []
    add_orders(on_sqlite.written, order("late", MONDAY - HOUR))
    assert decide(on_sqlite, MONDAY + HOUR) == ["late"]
    assert on_sqlite.state_of(MONDAY + HOUR) == "complete"


def test_a_covered_batch_is_a_finished_turn_and_stops_nothing(on_sqlite):
    decide(on_sqlite, MONDAY)
    for flow in ("observe", "learn"):
        run_flow(flow, "live", MONDAY)
    decide(on_sqlite, MONDAY + HOUR)
    for flow in ("observe", "learn"):
        run_flow(flow, "live", MONDAY + HOUR)
    assert MONDAY + HOUR in finished_turns(on_sqlite.ledger, "live")
    assert len(decide(on_sqlite, MONDAY + WEEK)) == A_WEEK


def test_a_halted_batch_has_decided_nobody(on_sqlite):
    on_sqlite.contract(data_quality={"rows": [500, 1000]})
    with pytest.raises(Exception, match="row_count"):
        decide(on_sqlite, MONDAY)
    on_sqlite.contract(data_quality={"rows": [20, 1000]})
    assert len(decide(on_sqlite, MONDAY + MOMENT)) == A_WEEK


def test_of_two_batches_that_are_decided_at_the_same_moment_only_the_first_to_log_decides(live, monkeypatch):
    one, other = (run_flow("predict", "live", as_of) for as_of in (MONDAY, MONDAY + HOUR))
    steady, begun = log_unless_overtaken.steady_switch, []

    @contextmanager
    def overtaken(ledger, use_case):
        if not begun:
            begun.append(one)
            run_flow("act", "live", one)
        with steady(ledger, use_case) as connection:
            yield connection

    monkeypatch.setattr(log_unless_overtaken, "steady_switch", overtaken)
    with pytest.raises(UsageError, match=f"have been decided in {one} since .* Run it again"):
        run_flow("act", "live", other)
    assert decided(live, MONDAY + HOUR) == []
    assert len(decided(live, MONDAY)) == A_WEEK
    assert decide(live, MONDAY + HOUR) == []
    assert live.state_of(MONDAY + HOUR) == "covered"


def test_a_batch_that_was_killed_before_it_decided_leaves_its_people_to_others(live):
    run_flow("predict", "live", MONDAY)
    everybody = decide(live, MONDAY + HOUR)
    assert len(everybody) == A_WEEK
    with pytest.raises(UsageError, match="have been decided in live/2024-01-01T07"):
        run_flow("act", "live", batch_id_of("live", MONDAY))
    assert decide(live, MONDAY) == []
    assert live.state_of(MONDAY) == "covered"


def test_only_those_who_are_left_are_decided_when_a_killed_batch_is_run_again(on_sqlite):
    run_flow("predict", "live", MONDAY)
    day_before = decide(on_sqlite, MONDAY - timedelta(days=2))
    rest = decide(on_sqlite, MONDAY)
    assert not {*rest} & {*day_before}
    assert {*rest} | {*day_before} >= {*fell_due_between(MONDAY - WEEK, MONDAY)}
    assert [event.state for event in events(on_sqlite.ledger, batch_id_of("live", MONDAY))].count("opened") == 2


def test_a_batch_that_was_killed_while_it_logged_keeps_its_people(on_sqlite, monkeypatch):
    run_flow("predict", "live", MONDAY)

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tasks.act.decide.reached", end)
        with pytest.raises(KeyboardInterrupt):
            run_flow("act", "live", batch_id_of("live", MONDAY))
    assert len(decided(on_sqlite, MONDAY)) == A_WEEK  # logged, and nothing has said that it is decided
    assert decide(on_sqlite, MONDAY + HOUR) == []
    assert len(decide(on_sqlite, MONDAY)) == A_WEEK
    assert count_pending(on_sqlite.ledger, "live") == 0
    assert len(on_sqlite.sent()) == len(set(on_sqlite.sent()))


def test_a_source_without_due_times_decides_once_in_half_a_period(on_sqlite):
    (on_sqlite.written.folder / "source.py").write_text(EVERYONE)
    on_sqlite.contract(source={"kind": "custom"}, data_quality={"maximum_age_days": 100})
    first = {*decide(on_sqlite, MONDAY)}
    assert len(first) == A_WEEK
    for later in (MOMENT, HOUR, timedelta(days=3)):
        assert not first & {*decide(on_sqlite, MONDAY + later)}
    assert first <= {*decide(on_sqlite, MONDAY + timedelta(days=4))}  # a week's batch that came early
