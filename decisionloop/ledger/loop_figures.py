"""The loop in figures, for those who watch it from outside: `status --check` and the service's /metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from decisionloop.contract import UseCase
from decisionloop.ledger.alarms import SEVERITIES
from decisionloop.ledger.alerts import Alert
from decisionloop.ledger.batches import State, batches
from decisionloop.ledger.drills import drills
from decisionloop.ledger.flags import kill_switch
from decisionloop.ledger.incidents import Incident, open_incidents
from decisionloop.ledger.loop_facts import loop_facts
from decisionloop.ledger.notices import undelivered_notices
from decisionloop.ledger.present_alerts import unanswered
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.ledger.worker_turns import TurnMemory, turn_memory
from decisionloop.monitor.loop.health import LOOP_TROUBLES, LoopFacts, LoopFinding, troubles


@dataclass(frozen=True)
class LoopFigures:
    """One use case's loop at a moment.

    ``last_decided``: as-of of the last batch that was decided. ``batches``: how many there are by their present state.
    ``wrong``: what is late by now. ``alerts``: critical ones that nobody has acknowledged. ``has_drill_failed`` None:
    there was no drill yet.
    """

    facts: LoopFacts
    last_decided: datetime | None
    batches: dict[str, int]
    wrong: tuple[LoopFinding, ...]
    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]
    kill_switch: str
    undelivered_notices: int
    has_drill_failed: bool | None
    memory: TurnMemory | None

    @property
    def critical_incidents(self) -> tuple[Incident, ...]:
        """The critical incidents that are not closed."""
        return tuple(one for one in self.incidents if one.severity == SEVERITIES[-1])

    @property
    def is_well(self) -> bool:
        """Whether nothing is late, no critical alert lacks an answer and no critical incident is open."""
        return not (self.wrong or self.alerts or self.critical_incidents)

    @property
    def incidents_by_severity(self) -> dict[str, int]:
        """How many incidents are open, by severity, each of them named."""
        counted = Counter(one.severity for one in self.incidents)
        return {severity: counted[severity] for severity in SEVERITIES}

    @property
    def is_late(self) -> dict[str, bool]:
        """Of each kind of trouble whether it is there."""
        wrong = {one.kind for one in self.wrong}
        return {kind: kind in wrong for kind in LOOP_TROUBLES}

    def seconds_since(self, at: datetime | None) -> float | None:
        """How long ago something was, at the moment of these figures."""
        return None if at is None else (self.facts.now - at).total_seconds()


def loop_figures(ledger: Ledger, use_case: UseCase, is_live: bool, now: datetime) -> LoopFigures:
    """Read them; nothing is changed. Raises UsageError for a schedule that names no time."""
    name = use_case.name
    read, every, exercised = loop_facts(ledger, use_case, is_live, now), batches(ledger, name), drills(ledger, name)
    return LoopFigures(
        facts=read,
        last_decided=max((one.as_of for one in every if one.is_decided), default=None),
        batches={state: sum(one.state == state for one in every) for state in get_args(State)},
        wrong=troubles(read, use_case.watchdog),
        alerts=unanswered(ledger, name),
        incidents=open_incidents(ledger, name),
        kill_switch=kill_switch(ledger, name),
        undelivered_notices=len(undelivered_notices(ledger, name)),
        has_drill_failed=bool(exercised[-1].failure) if exercised else None,
        memory=turn_memory(ledger, name),
    )
