"""The commands about releases: to let one decide, approve, stop, go back, and what happened to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decisionloop.cli.arguments import AsJson, ByWhom, UseCaseName, Why


def deploy(
    use_case: UseCaseName,
    release: Annotated[
        str, typer.Argument(help="Id of a release that stands beside the champion, as `status` names it.")
    ],
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    by: Annotated[
        str,
        typer.Option(
            help="Who; kept in the audit trail. One of approval.approvers may overrule that the next step of "
            "canary.steps waits for its confidence."
        ),
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")] = "",
) -> None:
    """Let a release decide, for a few or for all, as far as data, files, contract, parity, latency and gate allow.

    Every step is printed as it happens; before the last one nothing changes. Exit code 1 says that the newest batch
    was halted, 3 that the release did not pass a step, 9 that a person must approve it first.
    """
    from decisionloop.cli.deploy import deploy as deploy_one

    deploy_one(use_case, release, is_dry_run, by, reason)


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


def approve(
    use_case: UseCaseName,
    release: Annotated[str, typer.Argument(help="Id of the release that waits, as `status` names it.")],
    by: Annotated[str, typer.Option(help="Who you are: one of approval.approvers, and not who has asked for it.")],
    code: Annotated[
        str, typer.Option(help="One of your codes; `-` reads it from standard input. Without one it is a claim.")
    ] = "",
    is_rejected: Annotated[bool, typer.Option("--reject", help="Say no: the release is stopped.")] = False,
    note: Annotated[str, typer.Option(help="Why; kept in the audit trail.")] = "",
) -> None:
    """Answer whether a release that waits may be tried, or decide. The next turn acts on it, or `deploy` at once."""
    from decisionloop.cli.approve import answer

    answer(use_case, release, by, code, is_rejected, note)


def stop(
    use_case: UseCaseName,
    release: Annotated[str, typer.Argument(help="Id of the release on trial or in shadow, as `status` names it.")],
    reason: Why,
    by: ByWhom,
) -> None:
    """Stop a release on trial or in shadow at once: it decides for nobody any more, and is not compared any further.

    Of one on trial, what was chosen and has not left is held. Anybody may.
    """
    from decisionloop.cli.stop import stop_challenger

    stop_challenger(use_case, release, reason, by)


def shadow(
    use_case: UseCaseName,
    release: Annotated[
        str, typer.Argument(help="Id of a release, as `status` names it. Default: everyone beside the champion.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """What a release would have done beside the champion in its last batch: differences, money, impact, reasons.

    It is the last audit, as it stands in the ledger; every turn makes one of each batch that was scored.
    """
    from decisionloop.cli.shadow import show_shadow

    show_shadow(use_case, release, as_json)


def explain(
    what: Annotated[str, typer.Argument(help="Id of a decision; with --entity the name of a use case.")],
    entity: Annotated[str, typer.Option(help="The last decision for this entity.")] = "",
    as_of: Annotated[
        str,
        typer.Option(help="With --entity: the decision that was in force on that day or at that time, UTC."),
    ] = "",
    as_json: AsJson = False,
    html: Annotated[Path | None, typer.Option(help="Write its page, to be printed, to this file or folder.")] = None,
) -> None:
    """One decision, whole: what was known, why it was chosen, who decided and why, and what became of it."""
    from decisionloop.cli.explain import explain_decision

    explain_decision(what, entity, as_of, as_json, html)


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
