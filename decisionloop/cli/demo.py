"""``decisionloop demo``: recorded history replayed through the real flows, with no server, container or account."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.demo_home import FINISHED, OWN_PLACES, commands_on, home_of_demo
from decisionloop.cli.demo_progress import DemoProgress, turn_in_brief
from decisionloop.cli.environment import brief_flow_runs, use_private_prefect
from decisionloop.cli.temporary_server import temporary_server
from decisionloop.contract.loading import use_case_folder
from decisionloop.errors import BatchHalted, UsageError
from decisionloop.imports import uncollected
from decisionloop.settings import Settings, load_settings

if TYPE_CHECKING:
    from decisionloop.sources.calendar import Turn
    from decisionloop.workspace import Workspace


WITH_BAD_RELEASE = "credit_line"
"""The use case whose replay is shipped a bad release, unless one says otherwise: the bundled example."""
NOT_SHIPPED = (
    "No bad release was shipped: no compiled model has decided alone for longer than canary.baking_days, "
    "canary.steps is empty, or approval.is_required."
)


def replay(use_case: str, is_json: bool, scenario: str = "", has_bad_release: bool | None = None) -> None:
    """Replay every turn of the use case's recorded history, then tell its story.

    ``scenario``: what happens in a simulated world, handed to its ``source.py``; every scenario has a home of its own.
    ``has_bad_release``: a bad release is shipped on purpose; None: in the bundled example alone.
    Ends with exit code 1 where batches were halted.
    Raises UsageError for a use case whose source is not a replay, or that has no such scenario.
    """
    started = time.monotonic()
    signal.signal(signal.SIGTERM, _stopped)
    use_case_folder(load_settings().usecases_dir, use_case)  # the name becomes a folder's
    if scenario:
        _require_scenario(use_case, scenario)
    is_shipping = use_case == WITH_BAD_RELEASE if has_bad_release is None else has_bad_release
    installation, settings = load_settings(), _demo_settings(use_case, scenario)
    use_private_prefect(settings.home)
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case, settings)
    turns = _turns(workspace)
    with ExitStack() as stack:
        progress = stack.enter_context(DemoProgress(is_json))
        _warm(progress, settings.resolved_mlflow_uri())
        stack.enter_context(brief_flow_runs())
        halted = tuple(_run_turns(workspace, turns, progress, is_shipping))
    from decisionloop.cli.story import write_and_tell
    from decisionloop.cli.summary import DemoResult, print_summary

    page, story = write_and_tell(use_case, None, settings)
    (settings.home / FINISHED).touch()
    result = DemoResult(use_case, len(turns), halted, page, time.monotonic() - started)
    if is_json:
        told = {**vars(result), "story": str(page), "unread_rows": list(_unread_rows(workspace))}
        typer.echo(json.dumps(told, sort_keys=True))
    else:
        entity = story.worked.entity if story.worked else ""
        if is_shipping and story.bad_release is None:
            typer.echo(NOT_SHIPPED)
        typer.echo("".join(f"{line}\n" for line in _unread_rows(workspace)), nl=False)
        print_summary(workspace, story, result, commands_on(installation, settings.home, use_case, entity))
    if halted:  # a script must see it as well
        raise typer.Exit(BatchHalted.exit_code)


def _unread_rows(workspace: Workspace) -> tuple[str, ...]:
    """Which rows of the replayed tables nobody could read, and what became of them."""
    from decisionloop.sources.base import TellingSource

    return workspace.source.unread_rows() if isinstance(workspace.source, TellingSource) else ()


def _stopped(number: int, _: object) -> None:
    """End quietly where somebody ends it: Prefect hands the signal on once it has written down that the run is over."""
    typer.echo("Stopped. What was done is kept: the same command goes on where this one was.", err=True)
    raise SystemExit(128 + number)


def _require_scenario(use_case: str, scenario: str) -> None:
    """Raises UsageError unless the use case's source knows the scenario; before anything is cleared or started."""
    from decisionloop.contract import load_use_case
    from decisionloop.sources import open_source

    folder = load_use_case(load_settings().usecases_dir / use_case)
    if "scenario" not in getattr(folder.use_case.source, "options", {}):
        raise UsageError(f"{use_case} replays what was recorded, so it has no scenarios. Leave --scenario out.")
    open_source(folder, {"scenario": scenario})


def _demo_settings(use_case: str, scenario: str) -> Settings:
    """A home of the demo's own, whatever else this machine is set up for; a finished replay is cleared."""
    home = home_of_demo(load_settings().home, use_case, scenario)
    if (home / FINISHED).exists():
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    for name in OWN_PLACES:
        os.environ[f"DECISIONLOOP_{name.upper()}"] = ""
    os.environ["DECISIONLOOP_HOME"] = str(home)
    if scenario:
        options = {**load_settings().resolved_source_options(), "scenario": scenario}
        os.environ["DECISIONLOOP_SOURCE_OPTIONS"] = json.dumps(options)
    return load_settings()


def _turns(workspace: Workspace) -> tuple[Turn, ...]:
    from decisionloop.sources.calendar import turns_of_replay

    calendar = workspace.source.calendar()
    if not calendar:
        raise UsageError(
            f"{workspace.use_case.name} reads live data, so there is no history to replay. "
            f"Run `decisionloop run {workspace.use_case.name} --as-of DATE`."
        )
    return turns_of_replay(
        calendar,
        workspace.use_case.schedule.covers_days,
        workspace.use_case.outcome.maturity_days,
    )


def _run_turns(
    workspace: Workspace, turns: tuple[Turn, ...], progress: DemoProgress, is_shipping: bool = False
) -> Iterator[str]:
    """Run what is not done yet; yields the reason of each halted batch.

    ``is_shipping``: once it can be, a release that is bad on purpose goes on trial, and by hand at the latest it goes.
    """
    from decisionloop.drill.bad_release import ship, stop_unseen
    from decisionloop.ledger.summary import finished_turns
    from flows.learn import learn
    from flows.loop import loop
    from flows.observe import observe

    name = workspace.use_case.name
    finished = finished_turns(workspace.ledger, name)
    progress.begin(workspace.use_case.title, len(turns))
    for turn in turns:
        progress.at(turn.as_of)
        if turn.as_of not in finished:
            try:
                if turn.has_batch:
                    if is_shipping:
                        ship(workspace, turn.as_of)
                    loop(name, turn.as_of, allow_future=True)
                else:
                    observe(name, turn.as_of, allow_future=True)
                    learn(name, turn.as_of, allow_future=True)
            except BatchHalted as halt:
                yield str(halt)
            stop_unseen(workspace, turn.as_of)
        progress.advance(turn.as_of, turn_in_brief(workspace.ledger, name, turn.as_of))


def _warm(progress: DemoProgress, tracking_uri: str) -> None:
    """Load the large libraries while Prefect's server starts: each keeps a core busy for some seconds."""
    progress.begin("Starting Prefect, Great Expectations and MLflow")
    temporary_server()
    with uncollected():
        # skops first: it looks for the home of each numpy function in all that is loaded by then.
        import sklearn.ensemble  # noqa: F401
        import skops.io  # noqa: F401

        import flows.loop  # noqa: F401
        from decisionloop.registry import load_mlflow
        from expectations.engine import great_expectations

        great_expectations()
        load_mlflow(tracking_uri)
    progress.finish()
