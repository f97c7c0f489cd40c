"""The commands of incidents. What they do is in `incidents`."""

from __future__ import annotations

from typing import Annotated

import typer

from decisionloop.cli.arguments import AsJson, ByWhom, IncidentId, UseCaseName

incidents_app = typer.Typer(help="Alarms that belong together, and who looks after them.", no_args_is_help=True)


@incidents_app.command("list")
def incidents_list(
    use_case: UseCaseName,
    is_every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The open incidents of a use case: what happened, what is at stake, what to do."""
    from decisionloop.cli.incidents import list_incidents

    list_incidents(use_case, is_every, as_json)


@incidents_app.command("ack")
def incidents_ack(
    incident: IncidentId,
    by: ByWhom,
    reason: Annotated[str, typer.Option(help="What is being done; kept in the audit trail.")],
) -> None:
    """Say that somebody looks after an open incident."""
    from decisionloop.cli.incidents import acknowledge_incident

    acknowledge_incident(incident, by, reason)


@incidents_app.command("close")
def incidents_close(
    incident: IncidentId,
    by: ByWhom,
    reason: Annotated[
        str,
        typer.Option(help="What it was; one that begins with `false` counts as a false alarm in `monitors report`."),
    ],
) -> None:
    """Close an incident that is dealt with, or that was none."""
    from decisionloop.cli.incidents import close_incident

    close_incident(incident, by, reason)
