"""Work that is asked beside the decision ends in its time, or is left behind; it is never waited for twice."""

from __future__ import annotations

import threading
import time

import pytest

from decisionloop.act.time_limit import TimeIsUp, TimeLimited


def test_what_ends_in_its_time_returns_or_raises_as_it_would_alone() -> None:
    limited = TimeLimited()
    assert limited.run("a", lambda: 3, 10) == 3
    with pytest.raises(ZeroDivisionError):
        limited.run("a", lambda: 1 // 0, 10)


def test_what_hangs_is_left_and_nothing_more_of_its_name_begins_until_it_has_ended() -> None:
    limited, end = TimeLimited(), threading.Event()
    with pytest.raises(TimeIsUp, match=r"within 0\.05 s"):
        limited.run("a", end.wait, 0.05)
    started = time.monotonic()
    with pytest.raises(TimeIsUp, match="still has not ended"):
        limited.run("a", lambda: 1, 30)
    assert time.monotonic() - started < 10
    assert limited.run("b", lambda: 2, 10) == 2
    end.set()
    assert once_it_has_ended(limited, "a") == 1


def once_it_has_ended(limited: TimeLimited, name: str) -> int:
    ends = time.monotonic() + 10
    while True:
        try:
            return limited.run(name, lambda: 1, 10)
        except TimeIsUp:
            assert time.monotonic() < ends
            time.sleep(0.001)


def test_a_thread_is_kept_for_the_next_and_never_used_by_two_at_once() -> None:
    limited = TimeLimited()
    first = limited.run("a", threading.current_thread, 10)
    assert limited.run("b", threading.current_thread, 10) is first
    end = threading.Event()
    hanging, beside = limited.begin("a", end.wait), limited.begin("b", threading.current_thread)
    assert beside(10) is not first
    end.set()
    assert hanging(10) is True


def test_a_thread_that_was_given_up_is_not_kept() -> None:
    limited, end = TimeLimited(), threading.Event()
    given_up = limited.run("a", threading.current_thread, 10)
    with pytest.raises(TimeIsUp):
        limited.run("a", end.wait, 0.01)
    end.set()
    assert limited.run("b", threading.current_thread, 10) is not given_up
