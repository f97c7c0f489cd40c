"""The commands of flags: what holds and what was, setting one and clearing it. What they do is in `flags`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from decisionloop.cli.arguments import AsJson
from decisionloop.cli.switch_commands import For, Lifter, OfRelease, Until, Wait, Why

LIST = "list"


class ListedByDefault(TyperGroup):
    """`flags` and `flags USE_CASE` list, as `flags list` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in that was left out."""
        is_left_out = not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, [LIST, *args] if is_left_out else args)


flags_app = typer.Typer(
    cls=ListedByDefault,
    help="What the kill switch forbids in a use case, of a release or everywhere, until when, and what it forbade. "
    "`flags` and `flags USE_CASE` list.",
)
Name = Annotated[str, typer.Argument(help="Which flag: kill_switch.")]
OfUseCase = Annotated[str, typer.Option("--use-case", help="Of this use case.")]
OfEverything = Annotated[
    bool, typer.Option("--everything", help="Of every use case, also of those that are made later.")
]


@flags_app.command(LIST)
def list_flags(
    use_case: Annotated[str, typer.Argument(help="Name of a use case; none: all of them.")] = "",
    as_json: AsJson = False,
) -> None:
    """What holds now, with until when, and everything that was ever set, with how it ended."""
    from decisionloop.cli.flags import show_flags

    show_flags(use_case, as_json)


@flags_app.command("set")
def set_flag(
    name: Name,
    value: Annotated[
        str,
        typer.Argument(help="on: the rules decide, or the release may not. default: everybody gets the default one."),
    ],
    reason: Why,
    by: Lifter,
    use_case: OfUseCase = "",
    release: OfRelease = "",
    is_everything: OfEverything = False,
    until: Until = "",
    for_: For = "",
    wait_seconds: Wait = 30.0,
) -> None:
    """Set a flag of one use case, one release or everything; of all that hold the strictest counts."""
    from decisionloop.cli.flag_ends import end_of_flag
    from decisionloop.cli.flags import FlagScope, turn_flag
    from decisionloop.cli.switch import TurnSwitch, position_of

    scope = FlagScope.of(name, use_case, release, is_everything)
    turn_flag(scope, TurnSwitch(position_of(value), reason, by, wait_seconds, release, end_of_flag(until, for_)))


@flags_app.command("clear")
def clear_flag(
    name: Name,
    reason: Why,
    by: Lifter,
    use_case: OfUseCase = "",
    release: OfRelease = "",
    is_everything: OfEverything = False,
) -> None:
    """Lift a flag; what is held stays held. Of everything: what you may not lift stays stopped by its own flag."""
    from decisionloop.cli.flags import FlagScope, turn_flag
    from decisionloop.cli.switch import TurnSwitch

    turn_flag(FlagScope.of(name, use_case, release, is_everything), TurnSwitch("off", reason, by, None, release))
