"""What is wrong with the loop as a machine, and who is told next: pure functions over facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from decisionloop.contract import load_use_case
from decisionloop.contract.watchdog import Watchdog
from decisionloop.monitor.alarm.escalation import told_by_now
from decisionloop.monitor.loop.health import LoopFacts, troubles
from tests.live_use_case import orders, write_live

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = Watchdog(outbox_minutes=60, worker_silent_minutes=30)


def _ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def test_a_loop_of_which_nothing_is_known_is_well():
    assert troubles(LoopFacts("vouchers", NOW), TERMS) == ()


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        (LoopFacts("vouchers", NOW, undecided_due=_ago(300)), ["late_batch"]),
        (LoopFacts("vouchers", NOW, waiting=3, oldest_waiting=_ago(60)), []),
        (LoopFacts("vouchers", NOW, waiting=3, oldest_waiting=_ago(61)), ["outbox"]),
        (LoopFacts("vouchers", NOW, last_turn_at=_ago(30)), []),
        (LoopFacts("vouchers", NOW, last_turn_at=_ago(31)), ["worker"]),
        (LoopFacts("vouchers", NOW, _ago(300), "scored", 1, _ago(90), _ago(90)), ["late_batch", "outbox", "worker"]),
    ],
)
def test_what_is_late_by_the_contract_is_found(facts, kinds):
    assert [one.kind for one in troubles(facts, TERMS)] == kinds


def test_it_says_since_when_and_what_to_do():
    late, stuck = troubles(LoopFacts("vouchers", NOW, _ago(300), "scored", 1_200, _ago(90)), TERMS)
    assert (
        late.words == "The batch that was due on 2026-03-02 07:00 UTC was to be decided within 2 h, and it is scored."
    )
    assert "`decisionloop run vouchers --catch-up`" in late.remedy
    assert (stuck.since, "1,200 actions" in stuck.words) == (_ago(90), True)


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(0, 0), (14.9, 0), (15, 1), (29.9, 1), (30, 2), (600, 2), (7 * 24 * 60 + 1, 0), (-5, 0)],
)
def test_silence_wakes_one_more_each_time(minutes, told):
    names = ("slack-webhook/a", "slack-webhook/b")
    terms = Watchdog(acknowledge_minutes=15, escalate_to=names)
    assert told_by_now(terms, _ago(minutes), NOW) == names[:told]


def test_a_contract_that_says_nothing_of_it_keeps_its_digest(tmp_path):

    def digest(folder, **sections):
        return load_use_case(write_live(tmp_path / folder, orders(1), **sections).folder).use_case.digest

    terms = {"title": "Send it", "watchdog": {"batch_late_hours": 2}}
    plain = digest("a", title="Send it")
    assert plain == digest("b", **terms)
    assert plain != digest("c", **terms | {"watchdog": {"batch_late_hours": 3}})
