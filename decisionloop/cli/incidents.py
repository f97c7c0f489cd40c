"""``decisionloop incidents``: alarms that belong together, and who looks after them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from decisionloop.errors import UsageError

if TYPE_CHECKING:
    from decisionloop.ledger.incidents import Incident, IncidentEvent
    from decisionloop.workspace import Workspace


def list_incidents(use_case: str, is_every: bool, is_json: bool) -> None:
    """Print the incidents that are open, or every one."""
    from decisionloop.ledger.incidents import incidents
    from decisionloop.workspace import open_workspace

    workspace = open_workspace(use_case)
    found = [one for one in incidents(workspace.ledger, use_case) if is_every or one.is_open]
    if is_json:
        told = [asdict(one) | {"runbook": _page(workspace, one)} for one in found]
        typer.echo(json.dumps(told, sort_keys=True, default=lambda when: when.isoformat()))
        return
    currency = workspace.use_case.economics.currency
    none = "no incident yet" if is_every else "no open incident"
    typer.echo("\n".join(_as_text(one, currency, _page(workspace, one)) for one in found) or f"{use_case}: {none}.")


def acknowledge_incident(incident_id: str, by: str, reason: str) -> None:
    """Say that somebody looks after it."""
    from decisionloop.ledger.incidents import acknowledge

    told = acknowledge(_workspace_of(incident_id).ledger, incident_id, by, reason)
    typer.echo(_said(told, "acknowledged"))


def close_incident(incident_id: str, by: str, reason: str) -> None:
    """Close it; the next alarm of its family opens another one."""
    from decisionloop.ledger.incidents import close

    told = close(_workspace_of(incident_id).ledger, incident_id, by, reason)
    typer.echo(f"{_said(told, 'closed')} The next alarm of its family opens another one.")


def _workspace_of(incident_id: str) -> Workspace:
    from decisionloop.workspace import open_workspace

    use_case, _, rest = incident_id.partition("/")
    if not use_case or not rest:
        raise UsageError(
            f"{incident_id!r} is no incident. Write USE_CASE/FAMILY/DATE, as `decisionloop incidents list` does."
        )
    return open_workspace(use_case)


def _said(told: IncidentEvent, state: str) -> str:
    return f"{told.incident_id}: {state} by {told.by}: {told.reason.rstrip('.')}."


def _page(workspace: Workspace, one: Incident) -> str:
    from decisionloop.monitor.alarm.runbook import runbook_of_incident

    return runbook_of_incident(one.family, workspace.settings.runbook_url)


def _as_text(one: Incident, currency: str, page: str) -> str:
    """One incident, four lines at most."""
    money = "" if one.stake_total is None else f", {currency} {one.stake_total:,.0f} a batch at stake"
    told = one.events[-1]
    alarms = f"{one.alarms} alarm{'' if one.alarms == 1 else 's'}"
    lines = [
        f"{one.incident_id}: {one.severity}, {one.state}, {alarms} until {one.last_alarm_as_of:%Y-%m-%d}{money}",
        f"  {one.last_words}",
        f"  {one.suggestion} See {page}." if one.is_open else "",
        f"  {told.state} by {told.by} on {told.at:%Y-%m-%d}: {told.reason}" if told.state != "opened" else "",
    ]
    return "\n".join(line for line in lines if line.strip())
