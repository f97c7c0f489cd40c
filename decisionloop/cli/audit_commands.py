"""The commands `audit …`: what they do is in `decisionloop.cli.audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decisionloop.cli.arguments import AsJson, ByWhom, UseCaseName, Why

audit_app = typer.Typer(
    help="Proof of what was written down: a chain of commitments, signed checkpoints, proofs.", no_args_is_help=True
)
PublicKey = Annotated[
    Path | None,
    typer.Option("--key", help="Public key that checkpoints are held against. Default: this installation's."),
]


@audit_app.command("keys")
def audit_keys() -> None:
    """Make the pair of keys that signs checkpoints, and say where the public one is; there must be none yet."""
    from decisionloop.cli.audit import make_audit_keys

    make_audit_keys()


@audit_app.command("seal")
def audit_seal() -> None:
    """Chain what no link of the audit chain holds yet; every turn of the loop does so by itself."""
    from decisionloop.cli.audit import seal_now

    seal_now()


@audit_app.command("checkpoint")
def audit_checkpoint() -> None:
    """Chain what is new, sign what the chain is now, and write that to DECISIONLOOP_AUDIT_CHECKPOINTS_URL."""
    from decisionloop.cli.audit import checkpoint_now

    checkpoint_now()


@audit_app.command("verify")
def audit_verify(
    use_case: Annotated[str, typer.Argument(help="Decisions of this use case alone; none: of all of them.")] = "",
    checkpoint: Annotated[
        str,
        typer.Option(help="File, folder or URL of checkpoints. Default: those of DECISIONLOOP_AUDIT_CHECKPOINTS_URL."),
    ] = "",
    key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Hold every decision and fact, and the files of snapshots, against the chain and its checkpoints.

    Names the first row that was changed, added, removed or reordered. Exit code 6: something is not as it was chained.
    """
    from decisionloop.cli.audit import verify_now

    verify_now(use_case, checkpoint, key, as_json)


@audit_app.command("prove")
def audit_prove(
    decision: Annotated[str, typer.Argument(help="Id of a decision.")],
    to: Annotated[Path, typer.Option(help="The file of the proof.")],
    checkpoint: Annotated[
        str,
        typer.Option(help="File, folder or URL of checkpoints. Default: those of DECISIONLOOP_AUDIT_CHECKPOINTS_URL."),
    ] = "",
    key: PublicKey = None,
) -> None:
    """Write the proof that a decision was logged as it stands; docs/verify_proof.py verifies it without us."""
    from decisionloop.cli.audit import prove_decision

    prove_decision(decision, to, checkpoint, key)


@audit_app.command("export")
def audit_export(
    use_case: UseCaseName,
    since: Annotated[str, typer.Option("--from", help="First date or time, UTC, of the batches' as-of.")],
    until: Annotated[str, typer.Option(help="Last date (the whole day) or time, UTC, of the batches' as-of.")],
    to: Annotated[Path, typer.Option(help="The folder, which is not there yet.")],
    as_json: AsJson = False,
) -> None:
    """Write what a regulator asks for: who decided, by which rules, why, with what data, and was it reviewed.

    Adverse actions with their reasons in the contract's words, impact ratios of protected groups, cards of models and
    their approvals, contracts word for word, and a manifest with digests. That you asked is kept in the audit trail.
    """
    from decisionloop.cli.evidence_folder import export_evidence

    export_evidence(use_case, since, until, to, as_json)


def erase(
    use_case: UseCaseName,
    entity: Annotated[str, typer.Argument(help="Id of the person, as the use case's key writes it.")],
    reason: Why,
    by: ByWhom,
) -> None:
    """Remove all that is stored of one person, for good: ledger, snapshots, sent files, pages. The audit chain holds.

    Says what it cannot reach. The reason is kept for good: it must not say who the person is.
    """
    from decisionloop.cli.erase import erase_entity

    erase_entity(use_case, entity, reason, by)


def retention(
    use_case: UseCaseName,
    is_applied: Annotated[bool, typer.Option("--apply", help="Let it go, for good.")] = False,
    as_of: Annotated[
        str,
        typer.Option(help="A date of the past, UTC, to which ages count. Default: now; of a replay its last batch."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Say what the contract's `retention` keeps no longer, and what stays because it is needed; --apply lets it go.

    Features, outcomes and decisions go as `erase` lets them go: the audit chain holds. The deployment `retention` does
    so by a schedule.
    """
    from decisionloop.cli.retention import retain

    retain(use_case, is_applied, as_of, as_json)
