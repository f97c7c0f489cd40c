"""``decisionloop audit export``: a folder for a regulator."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from datetime import UTC
from pathlib import Path

import typer

from decisionloop.errors import UsageError
from decisionloop.imports import uncollected


def export_evidence(use_case: str, since: str, until: str, to: Path, as_json: bool) -> None:
    """Write the folder, whole or not at all, and tell what is in it. Raises UsageError for a faulty span or folder."""
    from decisionloop.cli.history import end_of
    from decisionloop.cli.run import parse_as_of

    with uncollected():
        from decisionloop.backup.whole_folder import whole_folder
        from decisionloop.custody.evidence import Asked, write_evidence
        from decisionloop.ledger.audit.seal import seal
        from decisionloop.workspace import open_workspace

    first, last = parse_as_of(since), end_of(until)
    first = first.replace(tzinfo=UTC) if first.tzinfo is None else first.astimezone(UTC)
    if last < first:
        raise UsageError(f"--until {until} lies before --from {since}. Exchange the two.")
    workspace = open_workspace(use_case)
    seal(workspace.ledger)
    with whole_folder(to) as part:
        found = write_evidence(workspace, Asked(first, last, getpass.getuser()), part)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "folder": str(to)}, sort_keys=True))
        return
    typer.echo(f"{to}: {found.rows['decisions.csv']:,} decisions, {len(found.rows)} files, and manifest.json")
    for gap in found.gaps:
        typer.echo(f"- not told: {gap}")
