"""What was stored is started once, in order, and again until it is started."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from decisionloop.ledger.webhooks import delivery_counts, find_delivery, steps, waiting_deliveries
from decisionloop.service.starting import CannotStart, NeverStarts, Starter
from tests.engines import LEDGER_ON_ONE
from tests.service.conftest import ours, registry

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def states(running, delivery_id, sender="ours"):
    kept = find_delivery(running.ledger, sender, delivery_id)
    return [(step.state, step.detail) for step in steps(running.ledger, kept)]


@LEDGER_ON_ONE
def test_a_thousand_replays_of_one_delivery_make_one_run(running):
    signed = ours("msg_1")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: running.send(signed).status_code, range(1_000)))
    assert answers == [202] * 1_000
    assert running.started() == 0
    running.send(signed)
    assert running.started() == 0
    assert running.prefect.asked == 1
    (run,) = running.prefect.runs.items()
    assert run == ("webhook/ours/msg_1", ("retrain/retrain", {"use_case": "credit_line", "reason": "inputs moved"}))


def test_what_could_not_be_started_is_tried_again_and_one_reason_is_said_once(running):
    running.prefect.failures = [CannotStart("Prefect does not answer")] * 3
    running.send(ours("msg_1"))
    assert [running.started() for _ in range(4)] == [1, 1, 1, 0]
    assert states(running, "msg_1") == [("failed", "Prefect does not answer"), ("started", "run-0")]
    assert len(running.prefect.runs) == 1


def test_one_that_cannot_be_started_keeps_none_of_the_others_from_it(running):
    running.send(ours("msg_1", why="first", happened=NOON.isoformat()))
    running.send(ours("msg_2", why="second", happened=NOON.isoformat()))
    running.prefect.failures = [CannotStart("Prefect has no retrain/retrain")]
    assert running.started() == 1
    assert len(running.prefect.runs) == 1


def test_what_a_deployment_does_not_take_is_given_up_and_said(running):
    running.prefect.failures = [NeverStarts("retrain/retrain does not take the parameters")]
    running.send(ours("msg_1"))
    assert running.started() == 0
    assert states(running, "msg_1") == [("refused", "retrain/retrain does not take the parameters")]
    assert running.started() == 0
    assert running.prefect.runs == {}


def test_an_older_event_that_arrives_later_reverts_nothing(running):
    running.send(ours("msg_new", why="new", happened=(NOON + timedelta(hours=1)).isoformat()))
    assert running.started() == 0
    running.send(ours("msg_old", why="old", happened=NOON.isoformat()))
    assert running.started() == 0
    assert states(running, "msg_old") == [("superseded", "msg_new is newer")]
    assert [parameters["reason"] for _, parameters in running.prefect.runs.values()] == ["new"]


def test_which_events_are_about_the_same_is_said_by_the_entry(running):
    """An alias that is moved back late reverts nothing; the other alias of the model is another matter."""
    for delivery, alias, hour in (("d-1", "champion", 3), ("d-2", "champion", 1), ("d-3", "challenger", 2)):
        running.send(registry(delivery, alias, (NOON + timedelta(hours=hour)).isoformat()))
        running.started()
    found = {delivery: states(running, delivery, "registry")[-1][0] for delivery in ("d-1", "d-2", "d-3")}
    assert found == {"d-1": "started", "d-2": "superseded", "d-3": "started"}
    assert [parameters["alias"] for _, parameters in running.prefect.runs.values()] == ["champion", "challenger"]


def test_of_two_that_wait_the_older_one_is_not_started_after_the_newer_one(running):
    running.prefect.failures = [CannotStart("away")]
    running.send(ours("msg_old", why="old", happened=NOON.isoformat()))
    assert running.started() == 1
    running.send(ours("msg_new", why="new", happened=(NOON + timedelta(hours=1)).isoformat()))
    assert running.started() == 0
    assert states(running, "msg_old") == [("failed", "away"), ("superseded", "msg_new is newer")]
    assert [parameters["reason"] for _, parameters in running.prefect.runs.values()] == ["new"]


def test_a_newer_one_that_was_refused_takes_nobody_s_place(running):
    running.prefect.failures = [NeverStarts("no")]
    running.send(ours("msg_new", why="new", happened=(NOON + timedelta(hours=1)).isoformat()))
    running.started()
    running.send(ours("msg_old", why="old", happened=NOON.isoformat()))
    running.started()
    assert states(running, "msg_old") == [("started", "run-0")]


def test_deliveries_are_counted_by_the_state_that_they_are_in(running):
    running.prefect.failures = [CannotStart("away")]
    running.send(ours("msg_1", why="a", happened=NOON.isoformat()))
    running.started()
    running.send(ours("msg_2", why="b", happened=NOON.isoformat()))
    assert [(one.sender, one.state, one.deliveries) for one in delivery_counts(running.ledger)] == [
        ("ours", "failed", 1),
        ("ours", "waiting", 1),
    ]
    running.started()
    assert [(one.state, one.deliveries) for one in delivery_counts(running.ledger)] == [("started", 2)]


@LEDGER_ON_ONE
def test_a_process_that_stored_and_died_leaves_what_the_next_one_starts_by_itself(running):
    from decisionloop.service.ledger_access import LedgerAccess
    from decisionloop.settings import load_settings

    running.send(ours("msg_1"))
    assert len(waiting_deliveries(running.ledger)) == 1
    running.prefect.failures = [CannotStart("away"), ValueError("a defect")]
    access = LedgerAccess(load_settings())
    starter = Starter(access, running.prefect)
    starter.begin()
    deadline = time.monotonic() + 20
    while waiting_deliveries(running.ledger) and time.monotonic() < deadline:
        time.sleep(0.05)
    starter.end()
    access.close()
    assert states(running, "msg_1") == [("failed", "away"), ("started", "run-0")]
