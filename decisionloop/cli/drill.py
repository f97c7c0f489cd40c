"""``decisionloop drill``: kill switch and rollback are exercised on a made-up use case, through the real flow."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer


def run_drill(use_case: str, is_json: bool) -> None:
    """Exercise them now, and say how long each took. Raises DrillFailed (exit code 3) where one did not work."""
    from decisionloop.cli.environment import brief_flow_runs, needs_temporary_server, use_configured_prefect
    from decisionloop.cli.temporary_server import temporary_server
    from decisionloop.imports import uncollected

    use_configured_prefect()
    with uncollected():
        from decisionloop.workspace import open_workspace

        workspace = open_workspace(use_case)  # a faulty contract is said before anything starts
        if needs_temporary_server():
            typer.echo("Starting Prefect …", err=True)
            temporary_server()
        from flows.drill import drill
    with brief_flow_runs():
        told = drill(use_case)
    if is_json:
        from decisionloop.ledger.drills import drills

        typer.echo(json.dumps(asdict(drills(workspace.ledger, use_case)[-1]), sort_keys=True, default=str))
    else:
        typer.echo(f"{use_case}: {told}")
