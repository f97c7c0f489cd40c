"""A meter counts the work of its thread (or process), whoever waits, and costs of partitions add up."""

from __future__ import annotations

import contextlib
import pickle
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisionloop.errors import UsageError
from decisionloop.metering import STAGES, Meter, StageCost, add_up


def work(seconds: float) -> None:
    """Keep this thread's core busy for so many of its own seconds."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(200))


def test_work_counts_and_waiting_does_not() -> None:
    with Meter("score", "a/b/1") as meter:
        work(0.03)
        time.sleep(0.05)
        meter.add(rows=10, bytes_stored=7)
    cost = meter.cost
    assert (cost.stage, cost.release_id, cost.rows, cost.bytes_stored) == ("score", "a/b/1", 10, 7)
    assert 0.03 <= cost.cpu_seconds < 0.07
    assert meter.wall_seconds >= 0.08


@pytest.mark.parametrize("scope", ["thread", "process"])
def test_other_threads_count_only_where_the_whole_process_is_measured(scope: str) -> None:
    with Meter("explain", scope=scope) as meter:  # type: ignore[arg-type]
        other = threading.Thread(target=work, args=(0.05,))
        other.start()
        other.join()
    assert (meter.cost.cpu_seconds >= 0.05) == (scope == "process")


def test_a_meter_adds_up_over_chunks_and_also_measures_what_fails() -> None:
    meter = Meter("freeze")
    for _ in range(2):
        with meter:
            work(0.01)
            meter.add(rows=5)
    with contextlib.suppress(ZeroDivisionError), meter:
        work(0.01)
        _ = 1 // 0
    assert meter.cost.cpu_seconds >= 0.03
    assert meter.cost.rows == 10


def test_a_meter_that_runs_cannot_be_entered() -> None:
    with Meter("log") as meter, pytest.raises(UsageError, match="the meter of log runs already"), meter:
        pass


def test_costs_of_partitions_add_up_and_travel() -> None:
    first, second = StageCost("score", "m", 10, 0.5, 100), StageCost("score", "m", 20, 0.25, 1)
    assert first + second == StageCost("score", "m", 30, 0.75, 101)
    assert pickle.loads(pickle.dumps(first)) == first
    for other in (StageCost("explain", "m", 1, 1.0), StageCost("score", None, 1, 1.0)):
        with pytest.raises(UsageError, match="are not one cost"):
            _ = first + other


costs = st.builds(
    StageCost,
    st.sampled_from(STAGES),
    st.sampled_from([None, "champion", "shadow"]),
    st.integers(0, 10**7),
    st.floats(0, 1e5),
    st.integers(0, 10**12),
)


@given(st.lists(costs), st.randoms())
def test_nothing_is_lost_in_adding_up_whatever_the_order_of_partitions(parts, random) -> None:
    whole = add_up(parts)
    keys = [(one.stage, one.release_id) for one in whole]
    assert len(keys) == len(set(keys))
    assert [STAGES.index(stage) for stage, _ in keys] == sorted(STAGES.index(stage) for stage, _ in keys)
    assert sum(one.rows for one in whole) == sum(one.rows for one in parts)
    assert sum(one.bytes_stored for one in whole) == sum(one.bytes_stored for one in parts)
    shuffled = random.sample(parts, len(parts))
    for one, again in zip(whole, add_up(shuffled), strict=True):
        assert (one.stage, one.release_id, one.rows, one.bytes_stored) == (
            again.stage, again.release_id, again.rows, again.bytes_stored
        )  # fmt: skip
        assert one.cpu_seconds == pytest.approx(again.cpu_seconds)
    assert add_up(whole) == whole
