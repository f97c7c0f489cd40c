"""A deployment killed with kill -9 at any step leaves the champion deciding, or all of it done; repeated it goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from decisionloop.ledger.releases import canary, champion, events_of_releases, shadows
from decisionloop.release_rehearsal import Rehearsal
from tests.small_use_case import Written
from tests.tasks.installation import run_flow, working_in

pytestmark = pytest.mark.xdist_group("trial")

STEPS = ("data", "load", "contract", "parity", "latency", "shadow", "gate", "approval")
IN_TRANSACTION, FLIPPED = "inside the transaction", "flip"


@pytest.fixture(scope="module")
def processes() -> BaseContext:
    """Makes processes that share nothing with this one but have the flow loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.deploy_release", "tests.tasks.installation"])
    return context


def deploy_and_die(folder: Path, ledger_url: str, release_id: str, at: str) -> None:
    """Deploy in this process, and kill it where a step is said to have passed."""
    import tasks.release.checks_before as checks
    import tasks.release.deployment as deployment
    from decisionloop.ledger import release_changes

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def say(step: str, found: str) -> None:
        if step == at:
            die()

    checks.rehearse = lambda _: Rehearsal(("turnover",), 200, 0.0, 0.1, 100)  # type: ignore[assignment]
    deployment.say = say  # type: ignore[assignment]
    if at == IN_TRANSACTION:
        append = release_changes.facts.add

        def appended(*arguments: Any) -> int:
            done = append(*arguments)
            die()
            return done

        release_changes.facts.add = appended  # type: ignore[assignment]
    (use_case,) = (folder / "usecases").iterdir()
    with working_in(folder, Written(use_case), ledger_url):
        run_flow("deploy_release", "small", release_id)


def _each_kill() -> Iterator[ParameterSet]:
    """Engine by engine, in the scope of the life that is copied: else it is lived anew for every kill.

    That a flip is in the ledger as a whole or not at all, on either engine, is shown in tests/ledger.
    """
    for engine in ("sqlite", "postgresql"):
        for at in (*STEPS, IN_TRANSACTION, FLIPPED):
            # Before the flip nothing is written, step after step: long, and of one kind.
            marks = pytest.mark.exhaustive if at in STEPS or engine == "postgresql" else ()
            yield pytest.param(engine, at, id=f"{engine}-{at}", marks=marks)


@pytest.mark.parametrize(("waiting_life", "at"), _each_kill(), indirect=["waiting_life"], scope="session")
def test_a_kill_leaves_the_champion_deciding_and_the_command_repeated_goes_on(waiting_life, processes, tmp_path, at):
    with waiting_life.copied(tmp_path / "killed") as moment:
        with moment.work() as life:
            (model,) = shadows(life.ledger, "small")
            rules, before = champion(life.ledger, "small"), events_of_releases(life.ledger, "small")
        process = processes.Process(
            target=deploy_and_die, args=(moment.folder, moment.ledger_url, model.release_id, at), daemon=True
        )
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        with moment.work() as life:
            assert champion(life.ledger, "small") == rules
            if at == FLIPPED:
                assert canary(life.ledger, "small").release_id == model.release_id
            else:
                assert events_of_releases(life.ledger, "small") == before
            found = Rehearsal(("turnover",), 200, 0.0, 0.1, 100)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("tasks.release.checks_before.rehearse", lambda _: found)
                run_flow("deploy_release", "small", model.release_id)
            assert canary(life.ledger, "small").release_id == model.release_id
            assert len(events_of_releases(life.ledger, "small")) == len(before) + 1
            life.predict(3)
            life.act(3)
            assert "canary" in set(life.decisions(3)["role"])
