"""``decisionloop features``: what each feature earns, by the newest review or by one that is made."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from decisionloop.report.record.features import ReviewedFeatures


def show_features(use_case: str, as_of_text: str, is_json: bool) -> None:
    """Print the newest review, or the one as of ``as_of_text``: it is made where there is none.

    Without any review it says how to make one. Raises UsageError where nothing is mature that could be reviewed.
    """
    from decisionloop.report.read.features import reviewed_features
    from decisionloop.workspace import open_workspace

    workspace, as_of = open_workspace(use_case), None
    if as_of_text:
        from decisionloop.cli.run import parse_as_of
        from decisionloop.schedule import checked_as_of
        from tasks.learn.feature_reviews import made_review

        as_of = checked_as_of(parse_as_of(as_of_text), False)
        made_review(workspace, as_of)
    told = reviewed_features(workspace.ledger, workspace.use_case, as_of)
    if is_json:
        typer.echo(json.dumps(_as_json(use_case, workspace.use_case.economics.currency, told), default=str))
    elif told is None:
        typer.echo(f"{use_case}: no review yet. `decisionloop features {use_case} --as-of DATE` makes one.")
    else:
        typer.echo(_as_text(told, workspace.use_case.economics.currency))


def _as_json(use_case: str, currency: str, told: ReviewedFeatures | None) -> dict[str, object]:
    """The record of the story as it is, money of 1,000 decisions."""
    review = None if told is None else asdict(told) | {"as_of": told.as_of.isoformat()}
    return {"use_case": use_case, "currency": currency, "review": review}


def _as_text(told: ReviewedFeatures, currency: str) -> str:
    from decisionloop.report.words.features import feature_in_brief, features_sentences

    lines = [feature_in_brief(one, currency) for one in told.lines]
    return "\n".join(
        [*features_sentences(told, currency), "", "What 1,000 decisions would earn less without each:", *lines]
    )
