"""``decisionloop erase``: what is stored of one person goes."""

from __future__ import annotations

import typer

from decisionloop.cli.known_use_case import CLAIM, ledger_of
from decisionloop.settings import load_settings

NOT_REACHED = (
    "Not reached: backups and archived write-ahead logs (erase again after a restore, and let them expire), tables of "
    "the source, whoever received actions, and logs kept elsewhere. docs/audit.md says how."
)


def erase_entity(use_case: str, entity: str, reason: str, by: str) -> None:
    """Erase and tell what went, and where something is left."""
    from decisionloop.custody.erase import erase

    with ledger_of(use_case) as ledger:
        done = erase(load_settings(), ledger, use_case, entity, reason, by)
    told = ", ".join(f"{many:,} {name}" for name, many in done.rows.items())
    typer.echo(f"{use_case}: erased {told}.")
    for path in done.files:
        typer.echo(f"- {path}: without it")
    for path in done.left_in:
        typer.echo(f"- {path} STILL HOLDS it: remove it by hand, or let it expire")
    typer.echo(NOT_REACHED)
    typer.echo(CLAIM)
