"""``decisionloop actions``: what each action brought, and what was promised of promotions, from the ledger."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from decisionloop.report.record.evidence import ActionFigures, Promise
    from decisionloop.report.record.story import PeriodMoney
    from decisionloop.workspace import Workspace


@dataclass(frozen=True)
class Evidence:
    """What each action brought over all complete cohorts, each promotion's promise beside what came, and the money."""

    actions: tuple[ActionFigures, ...]
    money: tuple[PeriodMoney, ...]
    promises: tuple[Promise, ...]


def evidence_of(workspace: Workspace) -> Evidence:
    """Read it from the ledger, as the story does."""
    from decisionloop.ledger.verdicts import verdicts
    from decisionloop.report.read.evidence import action_lines, promises
    from decisionloop.report.read.gathered import gather
    from decisionloop.report.read.measurements import periods_of_money

    ledger, use_case = workspace.ledger, workspace.use_case
    read = gather(ledger, use_case.name)
    return Evidence(
        actions=action_lines(read.measured, read.names, use_case),
        money=periods_of_money(read.measured, {}, read.names),
        promises=promises(verdicts(ledger, use_case.name), read.events, read.measured, read.names),
    )


def show_actions(use_case: str, is_json: bool) -> None:
    """Print what each action brought: figures with their intervals as JSON, or a line an action."""
    from decisionloop.cli.status import action_status
    from decisionloop.report.words.evidence import action_in_brief
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case)
    currency = workspace.use_case.economics.currency
    told = [action_status(one, action_in_brief(one, currency)) for one in evidence_of(workspace).actions]
    if is_json:
        typer.echo(json.dumps({"use_case": use_case, "currency": currency, "actions": [asdict(one) for one in told]}))
    else:
        typer.echo("\n".join(one.text for one in told) or f"{use_case}: no cohort is mature yet.")
