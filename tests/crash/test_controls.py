"""The harness can see what it looks for: without the unique key there are duplicates, and it says so."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess

import psutil
import pytest

from tests.crash.account import faults
from tests.crash.conftest import IN_ONE_PROCESS
from tests.crash.disturbing import Undisturbed, completed, disturb
from tests.crash.harness import ORDINARY, World
from tests.crash.turn import Stop
from tests.crash.usecase import CHUNK_ROWS

ACKNOWLEDGED = [Stop("tasks.act.deliver", "_log", "before", chunk) for chunk in (1, 2, 2)]
"""The receiver has acknowledged the first chunk, then the second, then the third, and no delivery is logged."""
NAMED = Stop("tasks.act.log_decisions", "decision_rows", "after", 1, signal.SIGSTOP)
"""Ids were given, and nobody knows them yet."""
IN_ONE_PIECE = {"DECISIONLOOP_PARTITION_ROWS": "1000"}

pytestmark = IN_ONE_PROCESS


@pytest.mark.parametrize(
    "kills", [ACKNOWLEDGED[:1], pytest.param(ACKNOWLEDGED, marks=pytest.mark.exhaustive)], ids=["once", "thrice"]
)
@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)], indirect=True)
def test_without_the_unique_key_at_the_receiver_every_kill_doubles_a_chunk(
    world: World, undisturbed: dict[str, Undisturbed], kills: list[Stop]
) -> None:
    told = disturb(world, ORDINARY, kills, undisturbed[ORDINARY.name], is_deduplicating=False)
    assert told.hits == ["dispatch_batch"] * len(kills)
    doubled = [problem for problem in told.problems if "duplicate actions" in problem]
    assert doubled, "the harness does not see duplicates"
    # The rules' actions leave first, in chunks of their own, of which the last is a small one.
    assert int(doubled[0].split()[0]) > (len(kills) - 1) * CHUNK_ROWS, doubled


@pytest.mark.parametrize(
    ("engine", "is_naming_at_random"),
    [
        pytest.param("sqlite", False, id="sqlite-ids-of-content"),
        pytest.param("sqlite", True, id="sqlite-random-ids", marks=pytest.mark.exhaustive),
        pytest.param("postgresql", False, id="postgresql-ids-of-content"),
        pytest.param("postgresql", True, id="postgresql-random-ids", marks=pytest.mark.exhaustive),
    ],
    indirect=["engine"],
)
def test_a_stalled_run_that_wakes_up_after_another_completed_the_batch_decides_nothing_twice(
    world: World, is_naming_at_random: bool
) -> None:
    """Unless decisions have random ids: then everyone is decided twice, and two actions are queued for them."""
    world.restore(ORDINARY)
    with world.receiver():
        order = world.order(ORDINARY, NAMED, is_naming_at_random)
        stalled, report = world.start(replace(order, environment=order.environment | IN_ONE_PIECE))
        _wait_until_stopped(stalled)
        assert world.run(ORDINARY).has_succeeded
        os.kill(stalled.pid, signal.SIGCONT)
        run = world.watch(stalled, report)
        assert run.has_succeeded, run.failure
        with world.ledger() as ledger:
            found = list(faults(ledger, world.home / "snapshots", ORDINARY.as_of, world.actions))
        if not is_naming_at_random:
            found += completed(world, ORDINARY)
    problems = "\n".join(found)
    assert ("decisions too many" in problems) == is_naming_at_random, problems
    assert ("messages were not delivered" in problems) == is_naming_at_random, problems
    assert bool(problems) == is_naming_at_random, problems


def _wait_until_stopped(process: BaseProcess) -> None:
    told = psutil.Process(process.pid)
    for _ in range(600):
        if told.status() == psutil.STATUS_STOPPED:
            return
        time.sleep(0.1)
    raise AssertionError(f"the process never got there; it is {told.status()}")
