"""``decisionloop approve`` and ``decisionloop approvers``: a person says whether a release may decide."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.known_use_case import CLAIM, ledger_of
from decisionloop.contract.loading import load_use_case, use_case_folder
from decisionloop.settings import load_settings

if TYPE_CHECKING:
    from decisionloop.contract.operation import Approval


def answer(use_case: str, release: str, by: str, code: str, is_rejected: bool, note: str) -> None:
    """Keep the answer, and say what follows from it."""
    from decisionloop.ledger.answering import Said, answer_request

    given = sys.stdin.readline().strip() if code == "-" else code
    said = Said(release, "reject" if is_rejected else "approve", by, note, given)
    with ledger_of(use_case) as ledger:
        told = answer_request(ledger, use_case, said, _approval(use_case))
    typer.echo(f"{use_case}: {told.as_text()}")
    if is_rejected:
        typer.echo("It is stopped, and decides for nobody.")
    else:
        typer.echo(
            f"The next turn acts on it; `decisionloop deploy {use_case} {told.request.release_id}` does at once."
        )
    if told.answer.code_id is None:
        typer.echo(CLAIM)


def list_approvers(use_case: str) -> None:
    """Print who may approve, and how many codes each has left."""
    from decisionloop.ledger.approver_codes import has_codes, unused_codes

    with ledger_of(use_case) as ledger:
        for name in _approval(use_case).approvers:
            left = (
                f"{unused_codes(ledger, use_case, name)} codes left" if has_codes(ledger, use_case, name) else "no code"
            )
            typer.echo(f"{name}: {left}")


def make_approver_codes(use_case: str, name: str, count: int) -> None:
    """Print new codes of an approver; they cannot be read again."""
    from decisionloop.ledger.approver_codes import make_codes

    with ledger_of(use_case) as ledger:
        codes = make_codes(ledger, use_case, name.strip(), count, _approval(use_case).approvers)
    typer.echo("\n".join(codes))
    typer.echo(f"Shown once: give them to {name} alone. Each counts once.", err=True)


def _approval(use_case: str) -> Approval:
    """What the contract says of approving; raises ContractError where it cannot be read."""
    return load_use_case(use_case_folder(load_settings().usecases_dir, use_case)).use_case.approval
