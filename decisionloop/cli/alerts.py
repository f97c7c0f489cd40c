"""``decisionloop alerts``: what a person must know and is not over, and who looks after it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.known_use_case import installation_ledger, ledger_of
from decisionloop.cli.switch import require_words
from decisionloop.settings import load_settings

if TYPE_CHECKING:
    from decisionloop.ledger.storage.engine import Ledger


@dataclass(frozen=True)
class ListedAlert:
    """An alert as a script reads it; ``state`` is raised, acknowledged or closed."""

    alert_id: str
    severity: str
    kind: str
    state: str
    at: str
    message: str
    remedy: str
    runbook: str


def list_alerts(use_case: str, is_every: bool, is_json: bool) -> None:
    """Print the alerts about what is not over, or every one, oldest first."""
    with ledger_of(use_case) as ledger:
        found = _listed(ledger, use_case, is_every)
    if is_json:
        typer.echo(json.dumps([asdict(one) for one in found], sort_keys=True))
        return
    lines = (
        f"{one.alert_id}: {one.severity}, {one.kind}, {one.state}, {one.at[:16]}\n  {one.message}\n  {one.remedy}\n"
        f"  {one.runbook}"
        for one in found
    )
    none = "no alert yet" if is_every else "nothing is to be known"
    typer.echo("\n".join(lines) or f"{use_case}: {none}.")


def answer_alert(alert_id: str, by: str, reason: str, is_over: bool) -> None:
    """Say that somebody looks after it, or that it is over."""
    from decisionloop.ledger.alert_events import acknowledge_alert, close_alert

    require_words(reason, by)
    answer = close_alert if is_over else acknowledge_alert
    with installation_ledger() as ledger:
        told = answer(ledger, alert_id, by, reason)
    typer.echo(f"{told.alert_id}: {told.state} by {told.by}: {told.reason.rstrip('.')}.")


def _listed(ledger: Ledger, use_case: str, is_every: bool) -> tuple[ListedAlert, ...]:
    from decisionloop.ledger.alert_events import alert_states
    from decisionloop.ledger.alerts import alerts
    from decisionloop.ledger.present_alerts import present_alerts
    from decisionloop.monitor.alarm.runbook import runbook_of_alert

    base, states = load_settings().runbook_url, alert_states(ledger, use_case)
    found = alerts(ledger, use_case) if is_every else present_alerts(ledger, use_case)
    return tuple(
        ListedAlert(
            one.alert_id, one.severity, one.kind, states.get(one.alert_id, "raised"), one.at.isoformat(), one.message,
            one.remedy, runbook_of_alert(one.kind, base),
        )
        for one in found
    )  # fmt: skip
