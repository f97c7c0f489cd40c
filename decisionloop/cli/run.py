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
    """A UTC time from ISO text; a bare date is its midnight. Raises UsageError."""
    if not text:
        return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--as-of {text!r} is not a date or time. Write it as 2005-07-08.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def run_once(use_case: str, as_of_text: str, is_json: bool) -> None:
    """Run one turn and say what it did. Raises BatchHalted (exit code 1) when a check stopped the batch."""
    from decisionloop.cli.environment import brief_flow_runs, use_configured_prefect
    from decisionloop.imports import uncollected

    as_of = parse_as_of(as_of_text)
    use_configured_prefect()
    with uncollected():
        from decisionloop.workspace import open_workspace

        workspace = open_workspace(use_case)  # a faulty contract is said before anything starts
        loop = _load_loop()
    try:
        with brief_flow_runs():
            batch_id = loop(use_case, as_of)
    except BatchHalted as halt:
        if is_json:  # a script reads what was halted where it reads what was done
            _print_summary(workspace, halt.batch_id, is_json)
        raise
    _print_summary(workspace, batch_id, is_json)


def _load_loop() -> Flow[..., str]:
    """The flow; while a temporary server starts, what validation needs is loaded as well."""
    from decisionloop.cli.environment import needs_temporary_server
    from decisionloop.cli.temporary_server import temporary_server

    is_alone = needs_temporary_server()
    if is_alone:
        temporary_server()
    from flows.loop import loop

    if is_alone:
        from expectations.engine import great_expectations

        great_expectations()
    return loop


def _print_summary(workspace: Workspace, batch_id: str, is_json: bool) -> None:
    from decisionloop.ledger.summary import batch_summary

    summary = batch_summary(workspace.ledger, batch_id)
    typer.echo(json.dumps(summary.as_json(), sort_keys=True) if is_json else summary.as_text())
