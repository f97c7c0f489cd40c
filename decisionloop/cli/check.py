"""``decisionloop status --check``: whether somebody must look, for a script; it changes nothing and tells nobody."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from decisionloop.cli.known_use_case import named_use_cases
from decisionloop.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from decisionloop.ledger.loop_figures import LoopFigures

UNWATCHED = (
    ", as far as anybody would know: whether a worker runs is not told, for no scheduled run of the deployment "
    "`watchdog` has ever taken place. Switch its schedule on."
)


@dataclass(frozen=True)
class Trouble:
    """Something that somebody must look at: its key, since when, in words, and the page of the runbook."""

    key: str
    kind: str
    since: str
    words: str
    runbook: str


@dataclass(frozen=True)
class LoopCheck:
    """One use case's loop in numbers; seconds and bytes, null where there is nothing to tell.

    ``is_unwatched``: it decides live, and no scheduled `watchdog` ever ran: nobody would tell that a worker is gone.
    """

    use_case: str
    is_well: bool
    is_unwatched: bool
    troubles: tuple[Trouble, ...]
    last_decided_age_seconds: float | None
    batches: dict[str, int]
    outbox_waiting: int
    outbox_oldest_seconds: float | None
    worker_silent_seconds: float | None
    open_incidents: dict[str, int]
    kill_switch: str
    undelivered_notices: int
    has_drill_failed: bool | None
    turn_memory_last_bytes: int | None
    turn_memory_most_bytes: int | None


def check_loops(name: str, is_json: bool) -> None:
    """Print what is wrong with one use case, or with all; exit code 1 where anything is."""
    from decisionloop.ledger.schema import utc_now

    now = utc_now()
    checks = [check_of(open_workspace(one), now) for one in named_use_cases(name)]
    if is_json:
        typer.echo(json.dumps([asdict(one) for one in checks], sort_keys=True))
    else:
        typer.echo("\n".join(as_text(one) for one in checks))
    if not all(one.is_well for one in checks):
        raise typer.Exit(1)


def check_of(workspace: Workspace, now: datetime) -> LoopCheck:
    """Read one use case's loop from the ledger alone."""
    from decisionloop.ledger.loop_figures import loop_figures

    read = loop_figures(workspace.ledger, workspace.use_case, workspace.is_live, now)
    memory = read.memory
    return LoopCheck(
        use_case=workspace.use_case.name,
        is_well=read.is_well,
        is_unwatched=workspace.is_live and read.last_decided is not None and read.facts.last_turn_at is None,
        troubles=_troubles(read, workspace.settings.runbook_url),
        last_decided_age_seconds=read.seconds_since(read.last_decided),
        batches=read.batches,
        outbox_waiting=read.facts.waiting,
        outbox_oldest_seconds=read.seconds_since(read.facts.oldest_waiting),
        worker_silent_seconds=read.seconds_since(read.facts.last_turn_at),
        open_incidents=read.incidents_by_severity,
        kill_switch=read.kill_switch,
        undelivered_notices=read.undelivered_notices,
        has_drill_failed=read.has_drill_failed,
        turn_memory_last_bytes=None if memory is None else memory.last_bytes,
        turn_memory_most_bytes=None if memory is None else memory.most_bytes,
    )


def as_text(one: LoopCheck) -> str:
    """One line where it is well, as far as anybody would know, else one more for each trouble."""
    if one.is_well:
        return f"{one.use_case}: well{UNWATCHED if one.is_unwatched else '.'}"
    lines = [f"  {told.kind}: {told.words.rstrip('.')}. See {told.runbook} ({told.key})." for told in one.troubles]
    return "\n".join([f"{one.use_case}: somebody must look.", *lines])


def _troubles(read: LoopFigures, base: str) -> tuple[Trouble, ...]:
    """What is late now, unless its alert says so already; critical alerts; critical incidents."""
    from decisionloop.monitor.alarm.runbook import runbook_of_alert, runbook_of_incident

    told = {one.kind for one in read.alerts}
    late = [
        Trouble(one.kind, one.kind, one.since.isoformat(), one.words, runbook_of_alert(one.kind, base))
        for one in read.wrong
        if one.kind not in told
    ]
    alerts = [
        Trouble(one.alert_id, one.kind, one.at.isoformat(), one.message, runbook_of_alert(one.kind, base))
        for one in read.alerts
    ]
    incidents = [
        Trouble(
            one.incident_id, one.family, one.opened_at.isoformat(), one.last_words,
            runbook_of_incident(one.family, base),
        )
        for one in read.critical_incidents
    ]  # fmt: skip
    return (*late, *alerts, *incidents)
