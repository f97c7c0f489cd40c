"""The commands about releases: going back, and what happened to them."""

from __future__ import annotations

from typing import Annotated

import typer

from decisionloop.cli.arguments import AsJson, UseCaseName, Why


def rollback(
    use_case: UseCaseName,
    reason: Why,
    by: Annotated[
        str, typer.Option(help="Who; kept in the audit trail. To let a model decide: one of approval.approvers.")
    ],
    to: Annotated[
        str,
        typer.Option(
            help="`rules`, or the id of a release that has decided before, as `history` names it. Default: whoever "
            "decided before the present release."
        ),
    ] = "",
) -> None:
    """Let an earlier release or the rules decide at once, and hold what the present model chose and has not left."""
    from decisionloop.cli.rollback import go_back

    go_back(use_case, to, reason, by)


def history(
    use_case: UseCaseName,
    entity: Annotated[str, typer.Option(help="Which release decided for this entity, and why it was live.")] = "",
    as_of: Annotated[
        str,
        typer.Option(
            help="What held on that day or at that time, UTC, such as 2005-07-08: with --entity the decision that was "
            "in force. Default: everything."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """What happened to every release, in order, by whom and why; or which one decided for an entity, and why it did."""
    from decisionloop.cli.history import show_history

    show_history(use_case, entity, as_of, as_json)
