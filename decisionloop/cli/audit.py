"""``decisionloop audit``: sealing, signing, verifying and proving, told on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.known_use_case import installation_ledger, ledger_of
from decisionloop.errors import IntegrityError, UsageError
from decisionloop.settings import Settings, load_settings

if TYPE_CHECKING:
    from decisionloop.audit.checkpoints import Checkpoint
    from decisionloop.ledger.audit.findings import Verified

SHOWN_FINDINGS = 10


def make_audit_keys() -> None:
    """Make the keys and tell what to do with them."""
    from decisionloop.audit.checkpoints import PRIVATE_KEY, make_keys

    folder = load_settings().resolved_audit_keys()
    public = make_keys(folder)
    typer.echo(f"{folder / PRIVATE_KEY}: signs checkpoints; keep a copy where only you can read it.")
    typer.echo(f"{public}: verifies them; give it to the auditor, by a way that leaves the ledger's owner out.")


def seal_now() -> None:
    """Chain what waits."""
    from decisionloop.ledger.audit.seal import seal

    with installation_ledger() as ledger:
        sealed = seal(ledger)
    typer.echo(f"{sealed.rows:,} rows chained in {sealed.links} links.")


def checkpoint_now() -> None:
    """Chain what waits, sign and export."""
    from decisionloop.custody.checkpoints import export_checkpoint
    from decisionloop.ledger.audit.seal import seal

    settings = load_settings()
    with installation_ledger() as ledger:
        seal(ledger)
        typer.echo(export_checkpoint(settings, ledger))
    if not settings.audit_checkpoints_url:
        typer.echo("It lies in the same home as the ledger. Set DECISIONLOOP_AUDIT_CHECKPOINTS_URL to a place outside.")


def verify_now(use_case: str, url: str, key: Path | None, as_json: bool) -> None:
    """Verify and tell. Raises IntegrityError where something is not as it was chained."""
    from decisionloop.custody.snapshot_files import verify_snapshots
    from decisionloop.ledger.audit.verify import verify

    settings = load_settings()
    with ledger_of(use_case) if use_case else installation_ledger() as ledger:
        checkpoints = _checkpoints(settings, url, key)
        found = verify(ledger, checkpoints, use_case)
        files = verify_snapshots(settings, ledger)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "checkpoints": len(checkpoints), "snapshots": asdict(files)}, indent=2))
    else:
        _tell(found, checkpoints)
        typer.echo(files.as_text())
    if not found.is_whole:
        raise IntegrityError(f"{found.findings[0].words}. {len(found.findings)} findings; see docs/audit.md.")
    if files.faults:
        raise IntegrityError(f"{files.faults[0]} {len(files.faults)} snapshots are not as they were recorded.")


def prove_decision(decision: str, to: Path, url: str, key: Path | None) -> None:
    """Write a proof into a new file."""
    from decisionloop.ledger.audit.prove import proof_of

    with installation_ledger() as ledger:
        proof = proof_of(ledger, decision, _checkpoints(load_settings(), url, key))
    try:
        with to.open("x", encoding="utf-8") as file:
            json.dump(proof, file, indent=1, ensure_ascii=False)
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror}. Name another file.") from error
    typer.echo(f"{to}: python docs/verify_proof.py {to} PUBLIC_KEY")


def _checkpoints(settings: Settings, url: str, key: Path | None) -> tuple[Checkpoint, ...]:
    from decisionloop.audit.checkpoints import PUBLIC_KEY
    from decisionloop.custody.checkpoints import checkpoints_at

    file = key or settings.resolved_audit_keys() / PUBLIC_KEY
    found = checkpoints_at(url or settings.resolved_checkpoints_url(), file)
    if url and not found:
        raise UsageError(f"there is no checkpoint at {url}. Name a file that `audit checkpoint` wrote, or its folder.")
    return found


def _tell(found: Verified, checkpoints: tuple[Checkpoint, ...]) -> None:
    typer.echo(f"ledger {found.ledger or 'without a chain'}: {found.rows:,} rows held against {found.links} links.")
    if found.erased:
        typer.echo(
            f"{found.erased:,} rows were erased; their commitments are here. `erasure` says why, and who did it."
        )
    for one in found.findings[:SHOWN_FINDINGS]:
        typer.echo(f"- {one.what}: {one.words}")
    if checkpoints:
        typer.echo(f"Proven up to link {found.proven_to}, by the checkpoint of {checkpoints[-1].at}.")
        typer.echo(f"Unproven, because it came after it: {found.unproven:,} rows.")
    else:
        typer.echo(_unproven(found))


def _unproven(found: Verified) -> str:
    """What it means that no checkpoint vouches for anything, and what to do; the exit code says nothing of that."""
    from decisionloop.audit.checkpoints import PRIVATE_KEY

    has_keys = (load_settings().resolved_audit_keys() / PRIVATE_KEY).is_file()
    first = "" if has_keys else "`decisionloop audit keys`, which makes the keys that sign it, and then "
    if found.links:
        means = (
            "Unproven: everything. How the rows stand to their chain is all that was looked at: no checkpoint vouches "
            "for the chain, so whoever owns the database could have made all of it anew, and nobody would see it here."
        )
    else:
        means = (
            "Unproven: everything. Nothing has been chained yet, so nothing was verified: that nothing was found, and "
            "the exit code 0, say nothing of the ledger. Each turn of the loop chains what it wrote; `decisionloop "
            "audit seal` does so now."
        )
    return (
        f"{means} Run {first}`decisionloop audit checkpoint`, and keep what it writes where the ledger's owner cannot "
        "change it: what was chained by then can be proven from then on."
    )
