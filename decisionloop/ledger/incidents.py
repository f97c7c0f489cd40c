"""Incidents: what the alarms of one family of monitors are about, until somebody or their silence closes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection

from decisionloop.errors import UsageError
from decisionloop.ledger.alarms import SEVERITIES, Alarm, alarms_of
from decisionloop.ledger.held_cohorts import HOLES, cohort_events, held_cohorts
from decisionloop.ledger.schema import incident_event, utc_now
from decisionloop.ledger.storage import facts
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.monitor.alarm.runbook import runbook_of_incident

IncidentState = Literal["opened", "acknowledged", "closed"]


@dataclass(frozen=True)
class IncidentEvent:
    """A state that an incident reached, by whom and why."""

    incident_id: str
    seq: int
    use_case: str
    family: str
    state: IncidentState
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Incident:
    """An incident as it stands. ``severity`` and the stakes (money) are the highest of its alarms.

    ``first_words`` are those of its first alarm, ``last_words`` and ``suggestion`` those of the gravest of the last.
    """

    incident_id: str
    use_case: str
    family: str
    state: IncidentState
    opened_at: datetime
    first_alarm_as_of: datetime
    last_alarm_as_of: datetime
    first_cohort: str
    severity: str
    alarms: int
    slices: tuple[str, ...]
    stake_per_decision: float | None
    stake_total: float | None
    first_words: str
    last_words: str
    suggestion: str
    events: tuple[IncidentEvent, ...]

    @property
    def is_open(self) -> bool:
        """Whether it still needs attention: opened or acknowledged."""
        return self.state != "closed"

    @property
    def runbook(self) -> str:
        """Its page of the runbook, by path in the project."""
        return runbook_of_incident(self.family)


def incidents(source: Ledger | Connection, use_case: str) -> tuple[Incident, ...]:
    """Every incident of a use case, in the order in which they were opened."""
    with facts.reading(source) as connection:
        events, alarms = events_of(connection, use_case), alarms_of(connection, use_case)
        free = _held_no_more(connection, use_case, alarms)
    by_incident: dict[str, list[Alarm]] = defaultdict(list)
    for one in alarms:
        by_incident[one.incident_id].append(one)
    told = [_incident(history, by_incident[incident_id], free) for incident_id, history in events.items()]
    return tuple(sorted(told, key=lambda one: (one.first_alarm_as_of, one.incident_id)))


def open_incidents(source: Ledger | Connection, use_case: str) -> tuple[Incident, ...]:
    """The incidents of a use case that are not closed, in the order in which they were opened."""
    return tuple(one for one in incidents(source, use_case) if one.is_open)


def events_of(source: Ledger | Connection, use_case: str) -> dict[str, tuple[IncidentEvent, ...]]:
    """The events of every incident of a use case, in order, by incident id."""
    table = incident_event.c
    order: list[ColumnElement[Any]] = [table.incident_id, table.seq]
    found = facts.every(source, IncidentEvent, incident_event, table.use_case == use_case, order_by=order)
    grouped: dict[str, list[IncidentEvent]] = defaultdict(list)
    for event in found:
        grouped[event.incident_id].append(event)
    return {incident_id: tuple(events) for incident_id, events in grouped.items()}


def open_incident(target: Ledger | Connection, first: Alarm) -> None:
    """Open the incident of its first alarm; one of that id that is there already stays as it is.

    Append the alarm in the same transaction: an incident without alarms is not told of.
    """
    event = IncidentEvent(
        first.incident_id, 1, first.use_case, first.family, "opened", "monitors", first.words, first.at
    )
    facts.add(target, incident_event, [event])


def acknowledge(
    target: Ledger | Connection, incident_id: str, by: str, reason: str, at: datetime | None = None
) -> IncidentEvent:
    """Say that somebody looks after an open incident; saying the same again adds nothing.

    Raises UsageError for an incident that is unknown or closed.
    """
    return _append(target, incident_id, "acknowledged", by, reason, at)


def close(
    target: Ledger | Connection, incident_id: str, by: str, reason: str, at: datetime | None = None
) -> IncidentEvent:
    """Close an open incident: the next alarm of its family opens another one.

    Raises UsageError for an incident that is unknown or closed.
    """
    return _append(target, incident_id, "closed", by, reason, at)


def _append(
    target: Ledger | Connection, incident_id: str, state: IncidentState, by: str, reason: str, at: datetime | None
) -> IncidentEvent:
    with facts.writing(target) as connection:
        table = incident_event.c
        seq = facts.next_seq(connection, incident_event, table.incident_id == incident_id)
        history = facts.every(
            connection, IncidentEvent, incident_event, table.incident_id == incident_id, order_by=[table.seq]
        )
        last = _last_open(history, incident_id)
        if (last.state, last.by, last.reason) == (state, by, reason):
            return last
        new = IncidentEvent(incident_id, seq, last.use_case, last.family, state, by, reason, at or utc_now())
        facts.add(connection, incident_event, [new])
        return new


def _last_open(history: Sequence[IncidentEvent], incident_id: str) -> IncidentEvent:
    """The last event of an incident that is open; raises UsageError for any other."""
    if not history:
        raise UsageError(f"there is no incident {incident_id}. `decisionloop incidents list` names them all.")
    last = history[-1]
    if last.state == "closed":
        raise UsageError(
            f"the incident {incident_id} was closed by {last.by} on {last.at:%Y-%m-%d} ({last.reason}). If the trouble "
            "is back, the next alarm opens a new one; `decisionloop incidents list` names those that are open."
        )
    return last


def _held_no_more(connection: Connection, use_case: str, alarms: Sequence[Alarm]) -> dict[str, str]:
    """Why cohorts that alarms had held back teach and judge again, by name, in words."""
    if not any(one.monitor in HOLES for one in alarms):
        return {}
    held, events = held_cohorts(connection, use_case), cohort_events(connection, use_case)
    return {
        one.cohort: f"The cohort {one.cohort} was held back, and teaches and judges again since {one.at:%Y-%m-%d}, by "
        f"{one.by}: {one.reason.rstrip('.')}."
        for one in events
        if one.state == "included" and one.cohort not in held
    }


def _incident(events: tuple[IncidentEvent, ...], alarms: Sequence[Alarm], free: Mapping[str, str]) -> Incident:
    """One incident from its events and its alarms (oldest first, at least one); ``free``: cohorts held back no more."""
    first, last = alarms[0], max((one for one in alarms if one.as_of == alarms[-1].as_of), key=_gravity)
    return Incident(
        incident_id=events[0].incident_id,
        use_case=events[0].use_case,
        family=events[0].family,
        state=events[-1].state,
        opened_at=events[0].at,
        first_alarm_as_of=first.as_of,
        last_alarm_as_of=last.as_of,
        first_cohort=first.cohort,
        severity=max((one.severity for one in alarms), key=SEVERITIES.index),
        alarms=len(alarms),
        slices=tuple(dict.fromkeys(one.slice for one in alarms)),
        stake_per_decision=_highest(one.stake_per_decision for one in alarms),
        stake_total=_highest(one.stake_total for one in alarms),
        first_words=first.words,
        last_words=last.words,
        suggestion=(free.get(last.cohort) if last.monitor in HOLES else None) or last.suggestion,
        events=events,
    )


def _highest(stakes: Iterable[float | None]) -> float | None:
    return max((stake for stake in stakes if stake is not None), default=None)


def _gravity(alarm: Alarm) -> tuple[int, float]:
    return SEVERITIES.index(alarm.severity), alarm.stake_total or 0.0
