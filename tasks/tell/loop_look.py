"""The loop's own troubles: told once when they begin, and closed when they are over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from decisionloop.ledger.alert_events import alert_states, close_alert
from decisionloop.ledger.alerts import Alert, NewAlert, alerts
from decisionloop.ledger.loop_facts import loop_facts
from decisionloop.ledger.schema import utc_text
from decisionloop.ledger.storage.advisory_lock import take_lock
from decisionloop.ledger.worker_turns import WATCHDOG
from decisionloop.monitor.loop.health import LOOP_TROUBLES, LoopFinding, troubles
from decisionloop.workspace import Workspace
from tasks.tell.escalation import pass_on
from tasks.tell.queueing import append_alert_and_notices


@dataclass(frozen=True)
class LoopWatched:
    """What a look at the loop found: kinds that are wrong, how many began and ended, and how many were passed on."""

    wrong: tuple[str, ...]
    begun: int
    over: int
    passed_on: int

    def as_text(self) -> str:
        """In a sentence."""
        runs = "the loop itself runs (`status` says how its decisions do)"
        wrong = f"wrong: {', '.join(self.wrong)}" if self.wrong else runs
        return f"{wrong}; {self.begun} alerts raised, {self.over} closed, {self.passed_on} passed on"


def look_at_loop(workspace: Workspace, now: datetime) -> LoopWatched:
    """Raise an alert for each trouble that is new, close those that are over, and pass on what nobody answers.

    Two looks at once raise one alert: they take turns. Raises UsageError for a schedule that names no time.
    """
    name = workspace.use_case.name
    with workspace.ledger.begin() as connection:
        take_lock(connection, WATCHDOG, name)
        read = loop_facts(connection, workspace.use_case, workspace.is_live, now)
        found = troubles(read, workspace.use_case.watchdog)
        still = _open(connection, name)
        told = {one.kind for one in still}
        new = [_alert(one, now) for one in found if one.kind not in told]
        for one in new:
            append_alert_and_notices(connection, workspace.use_case, one)
        over = [one for one in still if one.kind not in {finding.kind for finding in found}]
        for ended in over:
            close_alert(connection, ended.alert_id, WATCHDOG, "It is over.")
    return LoopWatched(tuple(one.kind for one in found), len(new), len(over), pass_on(workspace, now))


def _open(connection: Connection, use_case: str) -> list[Alert]:
    """The alerts about the loop that were not closed."""
    states = alert_states(connection, use_case)
    every = alerts(connection, use_case)
    return [one for one in every if one.kind in LOOP_TROUBLES and states.get(one.alert_id) != "closed"]


def _alert(finding: LoopFinding, now: datetime) -> NewAlert:
    return NewAlert("critical", finding.kind, finding.words, finding.remedy, occasion=utc_text(now))
