"""A busy machine comes to the same ledger: a stopwatch decides neither money nor what becomes of a release."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from itertools import count

import pytest

from decisionloop.learn.serving import serving_time
from decisionloop.ledger.releases import champion, release_events, shadows
from decisionloop.ledger.verdicts import verdicts

pytestmark = pytest.mark.xdist_group("loop")

READ_BY_A_CLOCK = "latency_ms"


@pytest.fixture
def slow(monkeypatch):
    """Make every call that is timed take so many seconds, by the clock that it is timed with."""

    def make(seconds):
        ticks = count()
        timed = functools.partial(serving_time, clock=lambda: next(ticks) * seconds)
        monkeypatch.setattr("tasks.learn.candidates.serving_time", timed)

    return make


@pytest.fixture
def busy_machine():
    """Two processes that compute as fast as they can, until the test is over."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: sum(range(10_000))"]) for _ in range(2)]
    yield busy
    for one in busy:
        one.kill()
        one.wait()


def _told(installation):
    """Everything that was decided, judged and released, without what is a clock's."""
    kept = []
    for verdict in verdicts(installation.ledger, "small"):
        kept.append(verdict)
        release_id = verdict.challenger_id
        kept += [(event.stage, event.reason, event.as_of) for event in release_events(installation.ledger, release_id)]
    release = champion(installation.ledger, "small").release
    card = json.loads(release.card_json)
    card.pop(READ_BY_A_CLOCK)
    kept.append((release.release_id, release.scorer_digest, release.reference_scores, card))
    return kept, [installation.decisions(week).to_csv() for week in (0, 1, 2)]


@pytest.mark.exhaustive
def test_a_replay_beside_two_busy_processes_comes_to_the_ledger_of_an_idle_machine(restored, fast_mlflow, busy_machine):
    """By the real clock, and nothing is made slow by hand: ids, scores, actions, shadows and verdicts."""
    with restored("modelled") as idle:
        expected, actions = _told(idle), idle.sent()
        assert {"decision_id", "score", "action", "propensity"} <= set(idle.decisions(2))
    with restored("begun") as busy:
        busy.turn(1)
        busy.turn(2)
        assert _told(busy) == expected
        assert busy.sent() == actions
    assert all(one.poll() is None for one in busy_machine)  # they were busy to the end


def test_under_load_the_ledger_is_the_one_of_an_idle_machine(restored, slow, fast_mlflow):
    with restored("modelled") as idle:
        expected = _told(idle)
    slow(50)  # a million times slower, and still within the budget of a minute
    with restored("begun") as busy:
        busy.turn(1)
        busy.turn(2)
        assert _told(busy) == expected


@pytest.mark.exhaustive
def test_a_reading_over_the_budget_is_taken_again_until_the_machine_is_idle_and_refuses_nobody(
    restored, slow, monkeypatch
):
    slow(100)
    with restored("begun") as busy:
        busy.turn(1)
        busy.turn(2)
        # The first look, the comparison as it was opened, and its look at week 1.
        assert [(look.look, look.decision) for look in busy.looks()] == [
            (1, "insufficient"),
            (2, "insufficient"),
            (2, "insufficient"),
        ]
        (shadow,) = shadows(busy.ledger, "small")  # nor does it decide for anybody before it is known to be fast enough
        monkeypatch.setattr("tasks.learn.candidates.serving_time", serving_time)
        busy.turn(3)
        assert verdicts(busy.ledger, "small")[-1].decision == "promote"
        assert champion(busy.ledger, "small").release_id == shadow.release_id
