"""The commands of the kill switch: of one use case, and of all at once. What they do is in `switch`."""

from __future__ import annotations

from typing import Annotated

import typer

from decisionloop.cli.arguments import UseCaseName

Why = Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")]


def kill_switch(
    use_case: UseCaseName,
    position: Annotated[
        str,
        typer.Argument(
            help="on: the rules decide at once. default: nobody does, and everybody gets the default action. "
            "off: the champion decides again."
        ),
    ],
    reason: Why,
    by: Annotated[str, typer.Option(help="Who; kept in the audit trail. To lift it: one of approval.approvers.")],
    wait_seconds: Annotated[
        float, typer.Option(min=0, help="How long to wait for requests that are under way; then they are named.")
    ] = 30.0,
) -> None:
    """Hand every decision to the rules, or to nobody, at once and hold what has not left; or give them back."""
    from decisionloop.cli.switch import position_of, set_kill_switch

    set_kill_switch(use_case, position_of(position), reason, by, wait_seconds)


def kill_switch_all(
    position: Annotated[str, typer.Argument(help="on or default, as of kill-switch. Each is lifted by itself.")],
    reason: Why,
    by: Annotated[str, typer.Option(help="Who; kept in the audit trail.")],
) -> None:
    """Turn the kill switch of every use case that this installation knows, also of those that are broken."""
    from decisionloop.cli.switch import stop_everything, stopping_position_of

    stop_everything(stopping_position_of(position), reason, by)
