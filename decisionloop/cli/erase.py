"""``decisionloop erase``: what is stored of one person goes."""

from __future__ import annotations

import typer

from decisionloop.cli.known_use_case import CLAIM, ledger_of
from decisionloop.errors import DecisionLoopError
from decisionloop.settings import load_settings

NOT_REACHED = (
    "Not reached: backups and archived write-ahead logs (erase again after a restore, and let them expire), tables of "
    "the source, whoever received actions, and logs kept elsewhere. docs/audit.md says how."
)


def erase_entity(use_case: str, entity: str, reason: str, by: str) -> None:
    """Erase and tell what went, and where something is left."""
    from decisionloop.custody.erase import Asked, erase

    with ledger_of(use_case) as ledger:
        still_due, in_source = _in_source(use_case, entity)
        done = erase(load_settings(), ledger, use_case, entity, Asked(reason, by, still_due))
    told = ", ".join(f"{many:,} {name}" for name, many in done.rows.items())
    typer.echo(f"{use_case}: erased {told}.")
    for path in done.files:
        typer.echo(f"- {path}: without it")
    for path in done.left_in:
        typer.echo(f"- {path} STILL HOLDS it: remove it by hand, or let it expire")
    if in_source:
        typer.echo(in_source)
    typer.echo(NOT_REACHED)
    typer.echo(CLAIM)


def _in_source(use_case: str, entity: str) -> tuple[tuple[str, ...], str]:
    """The batches among whose people the source still names somebody, and what to say of it; "" where it does not."""
    from decisionloop.workspace import open_workspace
    from tasks.predict.erased import batches_still_due

    try:
        still_due = batches_still_due(open_workspace(use_case), entity)
    except (DecisionLoopError, OSError, ValueError) as error:
        return (), f"Whether the source still names the person cannot be told ({type(error).__name__})."
    if not still_due:
        return (), ""
    return still_due, (
        f"THE SOURCE STILL NAMES the person among those of {', '.join(still_due)}. No run makes up for these, and the "
        "next one for which they fall due anew decides them: remove them there."
    )
