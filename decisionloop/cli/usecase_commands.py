"""The commands about use cases: check one, start a new one, draft one from a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from decisionloop.cli.arguments import AsJson

Mode = Literal["decide", "observe"]

usecase_app = typer.Typer(help="Check a use case, or start a new one.", no_args_is_help=True)


@usecase_app.command("check")
def usecase_check(
    path: Annotated[Path, typer.Argument(help="Folder of the use case, or its name.")],
    as_json: AsJson = False,
    all_stay: Annotated[
        bool, typer.Option("--all-stay", help="Exit code 3 where a model that stands would not stand under it.")
    ] = False,
) -> None:
    """Check a contract, its code and its source; one line a fault. Exit code 2 says that contract or code has faults,
    5 that the source has. It ends with what the data can answer, and what cannot happen with these numbers. Where they
    differ from what is in force, say what that means for models, log and monitors."""
    from decisionloop.cli.usecase import check

    check(path, as_json, all_stay)


@usecase_app.command("new")
def usecase_new(
    name: Annotated[str, typer.Argument(help="Name of the new use case, such as send_offer.")],
    parent: Annotated[Path | None, typer.Option(help="Where its folder is made. Default: usecases/.")] = None,
    source: Annotated[
        str, typer.Option("--from", help="CSV or Parquet file, one row a decision; or the URL of a database.")
    ] = "",
    table: Annotated[str, typer.Option(help="The table, where --from is the URL of a database.")] = "",
    entity: Annotated[str, typer.Option(help="Column of whom it is about; row: each row is somebody else.")] = "",
    time: Annotated[str, typer.Option(help="Column of the decision's time; order: rows in order of time.")] = "",
    outcome: Annotated[str, typer.Option(help="Column of the outcome, a yes or no.")] = "",
    amount: Annotated[str, typer.Option(help="Column of the outcome, a quantity.")] = "",
    action: Annotated[str, typer.Option(help="Column of what was done in an experiment.")] = "",
    propensity: Annotated[str, typer.Option(help="Column of its chance; shares: drawn at random.")] = "",
    outcome_time: Annotated[str, typer.Option(help="Column of when the outcome was seen.")] = "",
    outcome_days: Annotated[
        int, typer.Option(help="Days after the decision at which outcomes are seen, where no column says when.")
    ] = 0,
    protected: Annotated[list[str] | None, typer.Option(help="Column on which nobody may be disadvantaged.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Column to leave out.")] = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="Column that is a feature, whatever its name sounds like.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Decide what is due now, instead of a replay.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing, also at a terminal.")] = False,
    mode: Annotated[Mode, typer.Option(help="observe: another system decides, and --action says what.")] = "decide",
) -> None:
    """Write a working skeleton, or with --from a use case that replays a table; both pass their own check.

    What the table does not say is asked for at a terminal, and an error that names the option elsewhere.
    """
    from decisionloop.cli.usecase import draft, new
    from decisionloop.draft.database import place_of
    from decisionloop.draft.roles import Asked

    asked = Asked(
        entity,
        time,
        outcome,
        amount,
        action,
        propensity,
        outcome_time,
        tuple(protected or ()),
        tuple(ignore or ()),
        tuple(feature or ()),
        mode == "observe",
        live,
        outcome_days,
    )
    if not source:
        new(name, parent, asked)
        return
    draft(name, parent, place_of(source, table), asked, may_ask=not yes and sys.stdin.isatty())
