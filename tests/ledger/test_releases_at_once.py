"""Two processes that move releases at once: one does, the other sees it. A killed one leaves all or nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.context import BaseContext
from typing import Any

import pytest

from decisionloop.ledger.release_changes import change_stages
from decisionloop.ledger.releases import Release, events_of_releases, release_id_of, roster_of
from decisionloop.ledger.storage.engine import Ledger, open_ledger
from decisionloop.release.grounds import GATE, Grounds
from decisionloop.release.requests import Refuse, Request, RollBack
from decisionloop.release.stages import Decider, TransitionRefused
from tests.release_lives import into_shadow, promote

AT = datetime(2005, 7, 8, tzinfo=UTC)
CONTRACT, RULES = "c" * 64, "credit_line/rules/000000000001"
BOSS = Decider("approver", "boss")


@pytest.fixture(scope="module")
def processes() -> BaseContext:
    """Makes processes that share nothing with this one but have the library loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["decisionloop.ledger.release_changes", "tests.release_lives"])
    return context


def model(n: int) -> Release:
    """The n-th scorecard; its scorer is not stored."""
    release_id = release_id_of("credit_line", "scorecard", CONTRACT, f"{n:064x}")
    at = AT + timedelta(days=n)
    return Release(release_id, "credit_line", "scorecard", CONTRACT, None, None, str(n), "null", "{}", at)


def url_of(ledger: Ledger) -> str:
    """The URL to open a ledger by in another process."""
    return ledger.engine.url.render_as_string(hide_password=False)


def ask(url: str, requests: list[Request], by: Decider, start: float) -> list[int]:
    """Make requests one after the other from a moment on; how many moves each came to, -1 where it was refused."""
    came_to = []
    with open_ledger(url) as ledger:
        time.sleep(max(0.0, start - time.time()))
        for request in requests:
            try:
                came_to.append(len(change_stages(ledger, "credit_line", request, Grounds(by, "so", AT))))
            except TransitionRefused:
                came_to.append(-1)
    return came_to


def race(processes: Any, url: str, *asked: tuple[list[Request], Decider]) -> list[list[int]]:
    """Let processes ask at the same moment."""
    start = time.time() + 2
    with processes.Pool(len(asked)) as pool:
        return pool.starmap(ask, [(url, requests, by, start) for requests, by in asked])


def test_of_two_rollbacks_at_once_one_happens(released: Ledger, processes: Any) -> None:
    for n in (1, 2):
        into_shadow(released, model(n))
        promote(released, model(n))
    to_first: list[Request] = [RollBack(model(1).release_id)]
    told = race(processes, url_of(released), (to_first, BOSS), (to_first, BOSS))
    assert sorted(one for by in told for one in by) == [0, 2]  # the other one is told that it decides already
    assert roster_of(released, "credit_line").champion == model(1).release_id


def test_of_many_requests_at_once_each_sees_what_was_done_before_it(released: Ledger, processes: Any) -> None:
    for n in (1, 2):
        into_shadow(released, model(n))
        promote(released, model(n))
    into_shadow(released, model(3))
    back_and_forth: list[Request] = [RollBack(model(n).release_id) for n in (1, 2) * 6]
    away: list[Request] = [Refuse(model(3).release_id)] * 12
    before = len(events_of_releases(released, "credit_line"))
    told = race(processes, url_of(released), (back_and_forth, BOSS), (back_and_forth, BOSS), (away, GATE))
    events = events_of_releases(released, "credit_line")
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert len(events) - before == sum(moves for by in told for moves in by if moves > 0)
    assert told[2] == [1] + [0] * 11
    roster = roster_of(released, "credit_line")
    assert type(roster)().after(roster.moves) == roster  # each move begins where the one before had ended
    assert list(roster.stages.values()).count("champion") == 1


def roll_back_for_ever(url: str, acknowledged: Any) -> None:
    """Go back and forth, and say how many events there are after each transaction."""
    with open_ledger(url) as ledger:
        for n in range(10_000):
            change_stages(ledger, "credit_line", RollBack(model(1 + n % 2).release_id), Grounds(BOSS, "so", AT))
            acknowledged.send(n + 1)


@pytest.mark.parametrize("kill", range(3))
def test_a_process_killed_while_it_rolls_back_leaves_one_champion_and_all_it_acknowledged(
    released: Ledger, processes: Any, kill: int
) -> None:
    for n in (1, 2):
        into_shadow(released, model(n))
        promote(released, model(n))
    before = len(events_of_releases(released, "credit_line"))
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=roll_back_for_ever, args=(url_of(released), sender), daemon=True)
    process.start()
    told = [receiver.recv()]
    time.sleep(0.02 + 0.013 * kill)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while receiver.poll():
        told.append(receiver.recv())
    events = events_of_releases(released, "credit_line")
    done = (len(events) - before) / 2
    assert done.is_integer()  # who left and who came, or neither
    assert done in {told[-1], told[-1] + 1}
    assert list(roster_of(released, "credit_line").stages.values()).count("champion") == 1


def test_rules_that_two_processes_install_at_once_are_installed_once(released: Ledger, processes: Any) -> None:
    newer = replace(model(9), release_id="credit_line/rules/9", kind="rules", mlflow_version=None)
    start = time.time() + 2
    with processes.Pool(2) as pool:
        pool.starmap(_install, [(url_of(released), newer, start)] * 2)
    assert [one.stage for one in events_of_releases(released, "credit_line")] == [
        "candidate", "champion", "candidate", "retired", "champion",
    ]  # fmt: skip


def _install(url: str, rules: Release, start: float) -> None:
    from tests.release_lives import install_rules

    with open_ledger(url) as ledger:
        time.sleep(max(0.0, start - time.time()))
        install_rules(ledger, rules)
