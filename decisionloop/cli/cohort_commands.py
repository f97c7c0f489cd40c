"""The commands `cohorts …`: what they do is in `decisionloop.cli.cohorts`."""

from __future__ import annotations

import typer

from decisionloop.cli.arguments import AsJson, ByWhom, Cohorts, UseCaseName, Why

cohorts_app = typer.Typer(
    help="Cohorts that neither teach nor judge, because outcomes are missing or a person said so.",
    no_args_is_help=True,
)


@cohorts_app.command("list")
def cohorts_list(use_case: UseCaseName, as_json: AsJson = False) -> None:
    """The cohorts that are held back from teaching and judging, since when, why and by whom."""
    from decisionloop.cli.cohorts import list_held

    list_held(use_case, as_json)


@cohorts_app.command("exclude")
def cohorts_exclude(use_case: UseCaseName, cohorts: Cohorts, reason: Why, by: ByWhom) -> None:
    """Keep cohorts out of every training and verdict until a person includes them."""
    from decisionloop.cli.cohorts import exclude

    exclude(use_case, cohorts, reason, by)


@cohorts_app.command("include")
def cohorts_include(use_case: UseCaseName, cohorts: Cohorts, reason: Why, by: ByWhom) -> None:
    """Let cohorts that are held back teach and judge again."""
    from decisionloop.cli.cohorts import include

    include(use_case, cohorts, reason, by)
