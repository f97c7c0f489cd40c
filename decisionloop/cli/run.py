"""``decisionloop run``: one turn of the loop, through the real flows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from decisionloop.errors import BatchHalted, UsageError

if TYPE_CHECKING:
    from prefect import Flow

    from decisionloop.workspace import Workspace


def parse_as_of(text: str) -> datetime:
    """A time from ISO text; a bare date is its midnight. Raises UsageError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--as-of {text!r} is not a date or time. Write it as 2005-07-08.") from error


def run_once(use_case: str, as_of_text: str, is_json: bool, allow_future: bool = False, catch_up: bool = False) -> None:
    """Run one turn and say what it did: as of ``as_of_text``, or of the last due time of the schedule.

    ``catch_up``: first decide what earlier runs should have, and what was halted; without an as-of everybody who was
    missed is decided, in a batch of this moment where the last due time has had its own. Raises BatchHalted (exit
    code 1) when a check stopped the batch, or again one of those before.
    """
    from decisionloop.cli.environment import brief_flow_runs, use_configured_prefect
    from decisionloop.imports import uncollected
    from decisionloop.schedule import checked_as_of, last_due_time

    asked = checked_as_of(parse_as_of(as_of_text), allow_future) if as_of_text else None
    started = datetime.now(UTC)
    use_configured_prefect()
    with uncollected():
        from decisionloop.workspace import open_workspace

        workspace = open_workspace(use_case)  # a faulty contract is said before anything starts
        as_of = asked or last_due_time(workspace.use_case.schedule, datetime.now(UTC))
        if asked is None and catch_up and _is_decided(workspace, as_of):
            as_of = datetime.now(UTC).replace(microsecond=0)
        loop = _load_loop()
    try:
        with brief_flow_runs():
            batch_id = loop(use_case, as_of, allow_future, catch_up)
    except BatchHalted as halt:
        _print_caught_up(workspace, halt.batch_id, started, is_json)
        if is_json:  # a script reads what was halted where it reads what was done
            _print_summary(workspace, halt.batch_id, is_json)
        beyond = _beyond_replay(workspace, as_of)
        if beyond:
            raise BatchHalted(halt.batch_id, halt.check, beyond) from halt
        raise
    _print_caught_up(workspace, batch_id, started, is_json)
    _print_summary(workspace, batch_id, is_json)


def _beyond_replay(workspace: Workspace, as_of: datetime) -> str:
    """What to do where a replay was asked for a time of which it has recorded nothing; "" elsewhere."""
    recorded = () if workspace.is_live else workspace.source.calendar()
    when = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
    if not recorded or recorded[0] <= when <= recorded[-1]:
        return ""
    name = workspace.use_case.name
    return (
        f"{name} is a replay of what was recorded from {recorded[0]:%Y-%m-%d} to {recorded[-1]:%Y-%m-%d}, so nobody is "
        f"due now: `decisionloop demo {name}` replays all of it, `decisionloop run {name} --as-of "
        f"{recorded[-1]:%Y-%m-%d}` decides one batch of it. For live data see `source` in docs/contract.md."
    )


def _load_loop() -> Flow[..., str]:
    """The flow; while a temporary server starts, what validation needs is loaded as well."""
    from decisionloop.cli.environment import needs_temporary_server
    from decisionloop.cli.temporary_server import temporary_server
    from decisionloop.settings import load_settings

    is_alone = needs_temporary_server()
    if is_alone:
        if load_settings().log_format == "text":
            typer.echo("Starting Prefect and Great Expectations …", err=True)
        temporary_server()
    from flows.loop import loop

    if is_alone:
        from expectations.engine import great_expectations

        great_expectations()
    return loop


def _is_decided(workspace: Workspace, as_of: datetime) -> bool:
    from decisionloop.ledger.batches import batch_id_of, find_batch

    found = find_batch(workspace.ledger, batch_id_of(workspace.use_case.name, as_of))
    return found is not None and found.is_decided


def _print_caught_up(workspace: Workspace, but: str, started: datetime, is_json: bool) -> None:
    """Say what else became of this run: the batches that it caught up on, and those that were halted, again or now."""
    from decisionloop.ledger.batches import batches

    for one in batches(workspace.ledger, workspace.use_case.name):
        is_told = one.is_decided or one.state == "halted"
        if is_told and one.state_at >= started and one.batch_id != but:
            _print_summary(workspace, one.batch_id, is_json)


def _print_summary(workspace: Workspace, batch_id: str, is_json: bool) -> None:
    from decisionloop.ledger.summary import batch_summary

    summary = batch_summary(workspace.ledger, batch_id)
    typer.echo(json.dumps(summary.as_json(), sort_keys=True) if is_json else summary.as_text())
