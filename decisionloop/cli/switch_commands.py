"""The commands of the kill switch: of one use case, and of all at once. What they do is in `switch`."""

from __future__ import annotations

from typing import Annotated

import typer

from decisionloop.cli.arguments import UseCaseName

Why = Annotated[str, typer.Option("--reason", help="Why; kept in the audit trail.")]
OfRelease = Annotated[str, typer.Option("--release", help="Of this release alone: it may not decide.")]
Until = Annotated[str, typer.Option("--until", help="It ends by itself then: a time, UTC, such as 2026-11-30T08:00.")]
For = Annotated[str, typer.Option("--for", help="It ends by itself after so long: 90s, 30m, 4h, 2d, 1h30m.")]
Wait = Annotated[
    float, typer.Option(min=0, help="How long to wait for requests that are under way; then they are named.")
]
Lifter = Annotated[str, typer.Option(help="Who; kept in the audit trail. To lift it: one of approval.approvers.")]


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
    by: Lifter,
    release: Annotated[
        str, typer.Option(help="Only this release: it may not decide, and whoever would without it does.")
    ] = "",
    until: Until = "",
    for_: For = "",
    wait_seconds: Wait = 30.0,
) -> None:
    """Hand every decision to the rules, or to nobody, at once and hold what has not left; or give them back."""
    from decisionloop.cli.flag_ends import end_of_flag
    from decisionloop.cli.switch import TurnSwitch, position_of, set_kill_switch

    asked = TurnSwitch(position_of(position), reason, by, wait_seconds, release, end_of_flag(until, for_))
    set_kill_switch(use_case, asked)


def kill_switch_all(
    position: Annotated[str, typer.Argument(help="on or default, as of kill-switch. Each is lifted by itself.")],
    reason: Why,
    by: Annotated[str, typer.Option(help="Who; kept in the audit trail.")],
    until: Until = "",
    for_: For = "",
) -> None:
    """Turn the kill switch of every use case that this installation knows, also of those that are broken.

    `flags set kill_switch on --everything` is one flag that also holds for use cases made later.
    """
    from decisionloop.cli.flag_ends import end_of_flag
    from decisionloop.cli.switch import stop_everything, stopping_position_of

    stop_everything(stopping_position_of(position), reason, by, end_of_flag(until, for_))
