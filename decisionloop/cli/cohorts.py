"""``decisionloop cohorts``: which cohorts neither teach nor judge, and who says so. It needs no contract."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.known_use_case import CLAIM, ledger_of
from decisionloop.cli.switch import require_words

if TYPE_CHECKING:
    from decisionloop.ledger.held_cohorts import HeldCohort


def list_held(use_case: str, is_json: bool) -> None:
    """Print the cohorts that are held back."""
    from decisionloop.ledger.held_cohorts import held_cohorts

    with ledger_of(use_case) as ledger:
        held = tuple(held_cohorts(ledger, use_case).values())
    if is_json:
        typer.echo(json.dumps([asdict(one) for one in held], sort_keys=True, default=lambda when: when.isoformat()))
    else:
        lines = [held_line(use_case, one) for one in held]
        typer.echo("\n".join(lines) or f"{use_case}: no cohort is held back.")


def exclude(use_case: str, cohorts: Sequence[str], reason: str, by: str) -> None:
    """Keep cohorts from teaching and judging."""
    from decisionloop.ledger.held_cohorts import exclude_cohorts

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        before = exclude_cohorts(ledger, use_case, cohorts, reason, by)
    lines = [
        f"{one}: held back{_already(held)}. It neither teaches nor judges until a person includes it."
        for one, held in before.items()
    ]
    typer.echo("\n".join([*lines, "A model that learnt from it before stays as it is.", CLAIM]))


def include(use_case: str, cohorts: Sequence[str], reason: str, by: str) -> None:
    """Let cohorts teach and judge again."""
    from decisionloop.ledger.held_cohorts import include_cohorts

    require_words(reason, by)
    with ledger_of(use_case) as ledger:
        include_cohorts(ledger, use_case, cohorts, reason, by)
    lines = [f"{one}: released. It teaches and judges from the next turn on." for one in cohorts]
    typer.echo("\n".join([*lines, CLAIM]))


def _already(held: HeldCohort | None) -> str:
    """That a cohort was held back before, since when, by whom and why; "" where it was not."""
    told = "" if held is None else f"{held.since:%Y-%m-%d} by {held.by}: {held.reason.rstrip('.')}"
    return f", as it was already since {told}" if told else ""


def held_line(use_case: str, held: HeldCohort) -> str:
    """One cohort that is held back: since when, why, by whom, and the command that releases it."""
    under = f" ({held.incident_id})" if held.incident_id else ""
    told = f"{held.cohort}: held back since {held.since:%Y-%m-%d} by {held.by}{under}: {held.reason.rstrip('.')}."
    return f'{told} `decisionloop cohorts include {use_case} {held.cohort} --reason "…" --by "…"`'
