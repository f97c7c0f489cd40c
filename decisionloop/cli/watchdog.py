"""``decisionloop watchdog``: the watch over the loop from a process of its own, which needs no worker."""

from __future__ import annotations

import time

import typer

from decisionloop.cli.known_use_case import named_use_cases
from decisionloop.errors import DecisionLoopError


def watch(use_case: str, every: float) -> None:
    """Look once, or for ever every so many seconds. Raises typer.Exit(1) after one look that found trouble."""
    from decisionloop.cli.environment import use_configured_prefect

    use_configured_prefect()
    while True:
        looked = [_is_well(name) for name in named_use_cases(use_case)]  # every one, whatever is found of the first
        if not every:
            raise typer.Exit(0 if all(looked) else 1)
        time.sleep(every)


def _is_well(name: str) -> bool:
    """Look at one use case and tell its people. What hinders the look is trouble too, and hinders no other look."""
    from sqlalchemy.exc import DBAPIError

    from decisionloop.ledger.schema import utc_now
    from decisionloop.workspace import open_workspace
    from tasks.tell.loop_look import look_at_loop
    from tasks.tell.sending import send_due_notices

    try:
        workspace, now = open_workspace(name), utc_now()
        found = look_at_loop(workspace, now)
        told = send_due_notices(workspace.ledger, name, utc_now())
    except DecisionLoopError as error:
        typer.echo(f"{name}: cannot be watched: {error}", err=True)
        return False
    except DBAPIError as error:
        typer.echo(f"{name}: cannot be watched: the ledger does not answer ({type(error).__name__}).", err=True)
        return False
    typer.echo(f"{name}: {found.as_text()}; {told.delivered} notices delivered, {told.failed} failed.")
    return not found.wrong
