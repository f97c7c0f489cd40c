"""Latency is compared call by call: a machine that is busy slows down both, and decides nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from decisionloop.monitor.canary.calls import TimedCalls, slow_words, time_by_turns

BUDGET = 10.0


class Machine:
    """A clock that calls move on: each takes its milliseconds, times the load, and now and then a great many more."""

    def __init__(self, seed: int, load: float = 1.0, stalls: float = 0.0) -> None:
        self.rng, self.now, self.load, self.stalls, self.taken = np.random.default_rng(seed), 0.0, load, stalls, 0

    def timed(self, ours: float, theirs: float, is_told: bool = False) -> TimedCalls:
        """``is_told``: the operating system says when it has taken the processor away."""

        def call(milliseconds: float) -> None:
            stall = 50.0 * (self.rng.random() < self.stalls)
            self.taken += int(is_told and stall > 0)
            self.now += (milliseconds * self.load * self.rng.lognormal(0, 0.2) + stall) / 1000

        calls = (lambda: call(ours), lambda: call(theirs))
        return time_by_turns(calls, BUDGET, clock=lambda: self.now, taken_away=lambda: self.taken)


def test_twenty_milliseconds_more_are_seen_in_one_batch_on_a_quiet_machine_and_on_a_busy_one():
    for machine in (Machine(1), Machine(2, load=4.0, stalls=0.1)):
        words = slow_words([machine.timed(22.0, 2.0)], 0.01)
        assert "longer than the budget of 10 ms" in words


@pytest.mark.parametrize(("load", "stalls"), [(1.0, 0.0), (3.3, 0.0), (4.0, 0.0), (6.0, 0.05), (8.0, 0.0), (2.0, 0.2)])
def test_a_busy_machine_decides_nothing(load, stalls):
    runs, told = 30, 0
    for run in range(runs):
        machine, batches = Machine(run, load, stalls), []
        for _ in range(4):
            batches.append(machine.timed(2.2, 2.0))
            told += bool(slow_words(batches, 0.01))
    assert told <= binom.ppf(0.999, runs, 0.01)


def test_a_slow_one_call_in_fifty_is_over_a_p99_and_is_seen_in_some_batches():
    machine, batches = Machine(3), []
    for _ in range(12):
        now = machine.timed(2.0, 2.0)
        batches.append(TimedCalls(BUDGET, now.pairs, now.slow + 8, now.champion_slow, 25.0, now.champion_p99))
    assert slow_words(batches, 0.01)
    assert not slow_words([TimedCalls(BUDGET, 200, 2, 0, 9.0, 2.0)] * 12, 0.01)


def test_a_call_from_which_the_processor_was_taken_is_not_counted_nor_the_one_beside_it():
    found = Machine(4, stalls=0.5).timed(2.0, 2.0)
    assert found.pairs == 200
    told = Machine(4, stalls=0.5).timed(2.0, 2.0, is_told=True)
    assert 0 < told.pairs < 100
    assert (told.slow, told.champion_slow) == (0, 0)
    assert told.p99 < BUDGET
    assert Machine(4, stalls=1.0).timed(2.0, 2.0, is_told=True).p99 is None


def test_each_goes_first_every_other_time_and_what_a_call_raises_is_raised():
    asked: list[str] = []
    time_by_turns((lambda: asked.append("ours"), lambda: asked.append("theirs")), BUDGET, pairs=4)
    assert asked[-8:] == ["theirs", "ours", "ours", "theirs"] * 2
    with pytest.raises(ZeroDivisionError):
        time_by_turns((lambda: 1 / 0, lambda: 0), BUDGET)
