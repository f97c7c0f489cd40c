"""An alarm as it arrives from outside: the JSON that an automation hands to a retraining."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.errors import UsageError

FAMILY_OF_EVENT: dict[str, MonitorFamily] = {
    "decisionloop.drift.detected": "inputs",
    "decisionloop.performance.decayed": "performance",
    "decisionloop.value.lost": "value",
}
"""Which family an event is taken to be of where its measurement does not say."""
FAMILIES: tuple[MonitorFamily, ...] = get_args(MonitorFamily)
_SHOWN = ("monitor", "slice", "cohort", "value", "low", "high", "threshold", "severity", "incident_id")


@dataclass(frozen=True)
class AlarmEvent:
    """``name`` of the event, and of its measurement: the family, the incident ("" where nobody opened one), since
    which as-of, the money at stake in currency per decision (both None where it does not say), and what happened in
    words. ``measurement`` is its JSON."""

    name: str
    family: MonitorFamily
    incident_id: str
    since: datetime | None
    stake: float | None
    words: str
    measurement: str


def read_alarm_event(event: Mapping[str, object]) -> AlarmEvent:
    """Read ``{"name": ..., "measurement": {...}}``. Raises UsageError for anything that is not an alarm's event."""
    name, measurement = event.get("name"), event.get("measurement")
    if not isinstance(name, str) or not isinstance(measurement, Mapping):
        raise UsageError(
            f"the event {json.dumps(event, default=str)[:200]} is none of an alarm. Give its `name` (such as "
            "decisionloop.drift.detected) and its `measurement`, an object."
        )
    stake = measurement.get("stake_per_decision")
    if stake is not None and (isinstance(stake, bool) or not isinstance(stake, int | float)):
        raise UsageError(f"the event {name} has stake_per_decision {stake!r}. Give a number, or leave it out.")
    shown = {key: measurement[key] for key in _SHOWN if measurement.get(key) not in (None, "")}
    return AlarmEvent(
        name=name,
        family=_family(name, measurement),
        incident_id=str(measurement.get("incident_id") or ""),
        since=_since(name, measurement.get("cohort")),
        stake=None if stake is None else float(stake),
        words=str(measurement.get("words") or "no words were given."),
        measurement=json.dumps(shown, sort_keys=True, default=str),
    )


def _since(name: str, cohort: object) -> datetime | None:
    if cohort in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(cohort))
    except ValueError as error:
        raise UsageError(
            f"the event {name} has cohort {cohort!r}, which is no date. Write it as 2005-09-08, or leave it out."
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _family(name: str, measurement: Mapping[str, object]) -> MonitorFamily:
    """What the measurement says, else what its incident's id says, else what the event's name usually means."""
    named = measurement.get("family") or next(iter(str(measurement.get("incident_id") or "").split("/")[1:]), None)
    for family in FAMILIES:
        if named == family:
            return family
    if name in FAMILY_OF_EVENT:
        return FAMILY_OF_EVENT[name]
    raise UsageError(
        f"the event {name} does not say of which family of monitors it is. Give `family` in its measurement: "
        f"{', '.join(FAMILIES)}."
    )
