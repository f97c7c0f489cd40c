"""Troubles of the loop itself are told once, closed when they are over, and passed on where nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from decisionloop.cli.check import as_text, check_of
from decisionloop.ledger.alert_events import acknowledge_alert, alert_states
from decisionloop.ledger.alerts import NewAlert, alerts, append_alert
from decisionloop.ledger.batches import append_batch_event, open_batch
from decisionloop.ledger.loop_figures import loop_figures
from decisionloop.ledger.notices import pending_notices
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.use_cases import record_use_case
from decisionloop.ledger.worker_turns import WorkerTurn, append_worker_turn
from decisionloop.schedule import last_due_time
from tasks.tell.loop_look import LoopWatched, look_at_loop
from tests.live_use_case import MONDAY, orders, write_live
from tests.tasks.installation import Installation, working_in
from tests.watched_ledger import raise_alarm

WEEK, HOUR, MINUTE = timedelta(days=7), timedelta(hours=1), timedelta(minutes=1)
FIRST, SECOND = "slack-webhook/head", "slack-webhook/board"
TERMS = {"worker_silent_minutes": 30, "acknowledge_minutes": 15, "escalate_to": [FIRST, SECOND]}
TEAM = [{"block": "slack-webhook/team", "minimum_severity": "critical"}]


@pytest.fixture(params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """``live``, its batch of the first Monday decided, on either engine."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url_with_tables")
    written = write_live(tmp_path / "usecases", orders(1), watchdog=TERMS, monitors={"notifications": TEAM})
    with working_in(tmp_path, written, url) as installation:
        space = installation.workspace
        record_use_case(space.ledger, "live", space.use_case.digest, 1, space.folder.text)
        decided(installation, MONDAY)
        yield installation


def decided(live: Installation, as_of: datetime) -> None:
    one = open_batch(live.ledger, "live", as_of, live.workspace.use_case.digest)
    append_batch_event(live.ledger, one.batch_id, "complete")


def up_to_date(live: Installation) -> datetime:
    """Decide the batch that was due last, and the one before while that one may still come; the present time."""
    at, schedule = utc_now(), live.workspace.use_case.schedule
    for due in sorted({last_due_time(schedule, one) for one in (at, at - 3 * HOUR)}):
        decided(live, due)
    return at


def look(live: Installation, at: datetime) -> LoopWatched:
    return look_at_loop(live.workspace, at)


def kinds(live: Installation) -> list[str]:
    return [one.kind for one in alerts(live.ledger, "live")]


def test_a_batch_that_does_not_come_is_told_once_and_closed_when_it_has_come(live):
    due = MONDAY + WEEK
    assert look(live, due + 1.9 * HOUR).wrong == ()
    assert look(live, due + 2.1 * HOUR) == LoopWatched(("late_batch",), 1, 0, 0)
    assert look(live, due + 26 * HOUR) == LoopWatched(("late_batch",), 0, 0, 0)
    (told,) = alerts(live.ledger, "live")
    (notice,) = pending_notices(live.ledger, "live", utc_now())
    assert (notice.channel, notice.severity) == ("slack-webhook/team", "critical")
    assert "Runbook: docs/runbook/late_batch.md" in notice.body
    open_batch(live.ledger, "live", due, live.workspace.use_case.digest)
    assert look(live, due + 27 * HOUR).wrong == ("late_batch",), "it is begun, and not decided"
    decided(live, due)
    assert look(live, due + 28 * HOUR) == LoopWatched((), 0, 1, 0)
    assert alert_states(live.ledger, "live") == {told.alert_id: "closed"}
    assert look(live, due + WEEK + 3 * HOUR).begun == 1, "the next one is another trouble"
    assert kinds(live) == ["late_batch", "late_batch"]


def test_a_batch_that_was_halted_waits_for_a_person_who_knows(live):
    one = open_batch(live.ledger, "live", MONDAY + WEEK, live.workspace.use_case.digest)
    append_batch_event(live.ledger, one.batch_id, "halted", {"check": "nulls"})
    assert look(live, MONDAY + WEEK + 5 * HOUR).wrong == ()


def test_a_worker_is_gone_when_its_scheduled_watchdog_stays_out(live):
    now = MONDAY + WEEK
    asked = WorkerTurn("run-0", "live", "watchdog", "host", False, None, now - 99 * HOUR)
    append_worker_turn(live.ledger, asked)
    assert look(live, now).wrong == (), "one that a person started is no promise of another"
    decided(live, now - HOUR)
    assert as_text(check_of(live.workspace, now)).startswith(
        "live: well, as far as anybody would know: whether a worker"
    )
    for minutes in (40, 31):
        append_worker_turn(
            live.ledger, replace(asked, run_id=f"{minutes}", is_scheduled=True, at=now - minutes * MINUTE)
        )
    assert look(live, now).wrong == ("worker",)
    assert not check_of(live.workspace, now).is_unwatched
    append_worker_turn(live.ledger, replace(asked, run_id="run-0-again", is_scheduled=True, at=now))
    assert look(live, now) == LoopWatched((), 0, 1, 0)


def test_what_nobody_acknowledges_goes_to_the_next_name(live):
    at = up_to_date(live)
    append_alert(live.ledger, "live", NewAlert("critical", "deployment", "It failed", "Look."), at)
    append_alert(live.ledger, "live", NewAlert("warning", "flag", "It ended", "Look."), at)
    raise_alarm(live.ledger, "live", MONDAY, severity="critical", at=at)
    told = [look(live, at + minutes * MINUTE).passed_on for minutes in (14, 16, 17, 31, 90)]
    assert told == [0, 2, 0, 2, 0]
    notices = pending_notices(live.ledger, "live", at + 2 * HOUR)
    assert sorted(one.channel for one in notices) == [SECOND, SECOND, FIRST, FIRST]
    assert any("`decisionloop alerts ack" in one.body and "docs/runbook/deployment.md" in one.body for one in notices)
    assert any("docs/runbook/incident_inputs.md" in one.body for one in notices)


def test_what_is_acknowledged_wakes_nobody_further(live):
    at = up_to_date(live)
    append_alert(live.ledger, "live", NewAlert("critical", "deployment", "It failed", "Look."), at)
    (one,) = alerts(live.ledger, "live")
    acknowledge_alert(live.ledger, one.alert_id, "anna", "looking")
    assert look(live, at + 2 * HOUR).passed_on == 0
    space = live.workspace
    assert loop_figures(space.ledger, space.use_case, False, at).is_well
