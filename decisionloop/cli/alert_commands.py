"""The commands of alerts, and the watchdog. What they do is in `alerts` and `watchdog`."""

from __future__ import annotations

from typing import Annotated

import typer

from decisionloop.cli.arguments import AsJson, ByWhom, UseCaseName

alerts_app = typer.Typer(help="What a person must know of, and who looks after it.", no_args_is_help=True)
AlertId = Annotated[str, typer.Argument(help="As `alerts list` names it.")]


@alerts_app.command("list")
def alerts_list(
    use_case: UseCaseName,
    is_every: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The alerts about what is not over, each with its remedy and its page of the runbook."""
    from decisionloop.cli.alerts import list_alerts

    list_alerts(use_case, is_every, as_json)


@alerts_app.command("ack")
def alerts_ack(
    alert: AlertId,
    by: ByWhom,
    reason: Annotated[str, typer.Option(help="What is being done; kept in the audit trail.")],
) -> None:
    """Say that somebody looks after it: nobody further is told of it."""
    from decisionloop.cli.alerts import answer_alert

    answer_alert(alert, by, reason, False)


@alerts_app.command("close")
def alerts_close(
    alert: AlertId, by: ByWhom, reason: Annotated[str, typer.Option(help="What it was; kept in the audit trail.")]
) -> None:
    """Say that it is over. One about the loop itself, or about a delivery that has gone through since, closes by
    itself; while it lasts it is raised again."""
    from decisionloop.cli.alerts import answer_alert

    answer_alert(alert, by, reason, True)


def watchdog(
    use_case: Annotated[str, typer.Argument(help="Name of a use case; none: all of them.")] = "",
    every: Annotated[
        float, typer.Option(help="Look again after so many seconds, for ever. 0: look once.", min=0, max=86_400)
    ] = 0.0,
) -> None:
    """Look whether the loop itself is well, and tell people: also while its worker is gone. Exit code 1: it is not."""
    from decisionloop.cli.watchdog import watch

    watch(use_case, every)
