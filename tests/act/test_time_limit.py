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
    for thread in threading.enumerate():
        if thread.name == "limited a":
            thread.join()
    assert limited.run("a", lambda: 1, 10) == 1
