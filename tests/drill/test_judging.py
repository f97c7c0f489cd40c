"""A drill that could not fall back is critical; one that took long, by a limit or by those before it, is told of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from decisionloop.drill.judging import judged
from decisionloop.ledger.drills import Drill

WORKED = Drill("small", 1, "sqlite", 1.0, 4.0, "", datetime(2026, 11, 29, tzinfo=UTC))
LIMIT = 60.0


def test_one_that_is_like_those_before_is_nothing_to_tell() -> None:
    assert judged(WORKED, [], LIMIT) is None
    assert judged(WORKED, [WORKED] * 20, LIMIT) is None


def test_one_that_failed_is_critical_with_what_failed() -> None:
    found = judged(replace(WORKED, kill_switch_seconds=None, rollback_seconds=None, failure="a model decided."), [], 60)
    assert found is not None
    assert (found.severity, "a model decided." in found.words) == ("critical", True)


@pytest.mark.parametrize("slow", [{"kill_switch_seconds": 60.1}, {"rollback_seconds": 60.1}])
def test_one_that_took_longer_than_the_limit_is_a_warning_also_the_first(slow) -> None:
    found = judged(replace(WORKED, **slow), [], LIMIT)
    assert found is not None
    assert (found.severity, "60.1 s, more than drill_limit_seconds (60 s)" in found.words) == ("warning", True)


def test_one_that_took_twice_the_usual_is_a_warning_and_a_loaded_machine_is_none() -> None:
    before = [replace(WORKED, kill_switch_seconds=seconds) for seconds in (3.0, 4.0, 4.0, 5.0)]
    assert judged(replace(WORKED, kill_switch_seconds=8.9), before, LIMIT) is None  # more than twice, but by 4.9 s
    found = judged(replace(WORKED, kill_switch_seconds=9.1), before, LIMIT)
    assert found is not None
    assert "9.1 s, and 4.0 s in the median of the last 4 drills" in found.words
    slow = [replace(one, kill_switch_seconds=10.0) for one in before]
    assert judged(replace(WORKED, kill_switch_seconds=19.9), slow, LIMIT) is None
    assert judged(replace(WORKED, kill_switch_seconds=20.1), slow, LIMIT) is not None


def test_the_usual_is_that_of_the_last_ten_that_worked_on_the_same_engine() -> None:
    took = replace(WORKED, kill_switch_seconds=20.0)
    failed = replace(WORKED, kill_switch_seconds=None, failure="so")
    assert judged(took, [WORKED] * 2, LIMIT) is None  # too few to say
    assert judged(took, [replace(WORKED, engine="postgresql")] * 10, LIMIT) is None
    assert judged(took, [failed] * 10 + [WORKED] * 2, LIMIT) is None
    assert judged(took, [WORKED] * 10 + [took] * 10, LIMIT) is None
    assert judged(took, [took] * 10 + [WORKED] * 10, LIMIT) is not None
