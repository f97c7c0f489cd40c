"""The commands about approvers: who they are, and codes that prove it."""

from __future__ import annotations

from typing import Annotated

import typer

from decisionloop.cli.arguments import UseCaseName

approvers_app = typer.Typer(help="Who may approve releases, and codes that prove who answers.", no_args_is_help=True)


@approvers_app.command("list")
def approvers_list(use_case: UseCaseName) -> None:
    """The approvers that the contract names, and how many unused codes each has."""
    from decisionloop.cli.approve import list_approvers

    list_approvers(use_case)


@approvers_app.command("codes")
def approvers_codes(
    use_case: UseCaseName,
    name: Annotated[str, typer.Argument(help="One of approval.approvers.")],
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 10,
) -> None:
    """Make codes for an approver and show them, once. Each counts once; from then on the name alone is not taken."""
    from decisionloop.cli.approve import make_approver_codes

    make_approver_codes(use_case, name, count)
