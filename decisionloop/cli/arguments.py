"""Arguments and options that several commands have, each with its words of help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script to read.")]
IncidentId = Annotated[str, typer.Argument(help="As `incidents list` names it: USE_CASE/FAMILY/DATE.")]
ByWhom = Annotated[str, typer.Option(help="Who; kept in the audit trail.")]
Batches = Annotated[
    list[str] | None, typer.Option("--batch", help="Id of a batch, may be given several times. Default: every one.")
]
Why = Annotated[str, typer.Option(help="Why; kept in the audit trail.")]
Cohorts = Annotated[
    list[str], typer.Argument(help="Time of a batch as `status` names it, such as 2005-09-08; may be several.")
]
UseCaseName = Annotated[str, typer.Argument(help="Name of a folder below usecases/.")]


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"decisionloop {version('decisionloop')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is.")
]


def _live_in(home: Path | None) -> None:
    """What DECISIONLOOP_HOME says is overruled, for this command and whatever it starts."""
    if home is not None:
        os.environ["DECISIONLOOP_HOME"] = str(home)


Home = Annotated[
    Path | None,
    typer.Option("--home", callback=_live_in, help="The home of this command, before its name; a demo has its own."),
]
