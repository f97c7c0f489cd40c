"""``decisionloop backup`` and ``decisionloop restore``: a copy of the installation, and the way back from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decisionloop.cli.arguments import AsJson
from decisionloop.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from decisionloop.backup.manifest import Manifest
    from tasks.restore.prove import Proof


def backup(
    to: Annotated[Path, typer.Argument(help="A folder that is not there yet, on this or another disk.")],
    as_json: AsJson = False,
) -> None:
    """Copy ledger, snapshots, releases and MLflow's store while they are in use: whole or not at all.

    Try what you have with `decisionloop restore FROM --check`, and carry it off the machine.
    """
    from decisionloop.backup.taking import take_backup
    from decisionloop.ledger.storage.engine import ledger_there
    from decisionloop.settings import load_settings

    settings = load_settings()
    with ledger_there(settings.resolved_ledger_url(), settings.ledger_tuning) as ledger:
        if ledger is None:
            raise ConfigurationError(
                "there is no ledger to back up. Check DECISIONLOOP_HOME and DECISIONLOOP_LEDGER_URL, or run first."
            )
        manifest = take_backup(settings, ledger, to)
    if as_json:
        typer.echo(json.dumps(_facts(manifest) | {"folder": str(to)}, sort_keys=True))
    else:
        typer.echo(f"{to}: {_size(manifest)}. {_MLFLOW[manifest.mlflow]}")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FROM", help="A folder that `decisionloop backup` made.")],
    is_check: Annotated[
        bool, typer.Option("--check", help="Only read all of it and decide again; nothing is restored.")
    ] = False,
    is_unproven: Annotated[
        bool,
        typer.Option(
            "--unproven", help="Restore also use cases of which no batch can be decided again, as without their code."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a backup whole, decide a stored batch of it again, and put it in the place of an installation that is lost.

    The home, the ledger and the snapshot store must be empty. What was unsent is held for a person, for it may have
    left since, and the kill switch of everything is on until approvers lift it. Exit code 6 says that the backup is
    damaged or decides otherwise than it had decided.
    """
    from decisionloop.backup.installing import install, read_backup, refuse_past
    from decisionloop.imports import uncollected
    from decisionloop.settings import load_settings

    settings = load_settings()
    if not is_check:
        refuse_past(settings, folder)
    with read_backup(folder, None if is_check else settings.home) as found:
        with uncollected():
            from tasks.restore.prove import prove
        proof = prove(settings, found.ledger_url, found.snapshots_url)
        if not is_check:
            if proof.unproven and not is_unproven:
                remedy = f"Put the use cases of then into {settings.usecases_dir}, or restore with --unproven."
                raise UsageError(f"not proven: {' '.join(proof.unproven)} {remedy}")
            _mark(found.ledger_url, found.manifest, folder)
            install(settings, found)
    if as_json:
        told = _facts(found.manifest) | {"proven": [one.batch_id for one in proof.again], "unproven": proof.unproven}
        typer.echo(json.dumps(told | {"is_restored": not is_check}, sort_keys=True))
        return
    typer.echo("\n".join(_told(folder, found.manifest, proof, is_check)))


def _mark(ledger_url: str, manifest: Manifest, folder: Path) -> None:
    from decisionloop.ledger.restorations import mark_restored
    from decisionloop.ledger.storage.engine import open_ledger

    with open_ledger(ledger_url) as ledger:
        mark_restored(ledger, manifest.taken_at, manifest.version, str(folder.resolve()))


def _told(folder: Path, manifest: Manifest, proof: Proof, is_check: bool) -> Sequence[str]:
    lines = [f"{folder}: {_size(manifest)}; every file is what was backed up.", *proof.lines]
    if is_check:
        return [*lines, "Nothing was restored."]
    return [
        *lines,
        "Restored. The kill switch of everything is on, and what was unsent is held:",
        "  decisionloop outbox list USE_CASE    may have left since: ask its receiver, then release or cancel",
        "  decisionloop keys list               what was revoked since is valid again: revoke it",
        '  decisionloop flags clear kill_switch --everything --reason "…" --by APPROVER    once that is made up for',
    ]


_MLFLOW = {
    "copied": "MLflow's store is in it.",
    "elsewhere": "MLflow's store is not: it lies where DECISIONLOOP_MLFLOW_TRACKING_URI says, and is backed up there.",
    "none": "There is no MLflow store yet.",
}


def _size(manifest: Manifest) -> str:
    rows = f"{sum(manifest.rows.values()):,} rows of the ledger ({manifest.engine}, revision {manifest.revision})"
    when = f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC by version {manifest.version}"
    return f"{rows} and {len(manifest.files):,} files, {manifest.bytes / 1e6:,.1f} MB, as of {when}"


def _facts(manifest: Manifest) -> dict[str, object]:
    return json.loads(manifest.model_dump_json(exclude={"files"})) | {
        "files": len(manifest.files), "bytes": manifest.bytes
    }  # fmt: skip
