"""From findings to alarms: which are raised, how severe they are, and which incident each belongs to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import get_args

from decisionloop.contract.monitoring import AlarmSeverity, MonitorFamily
from decisionloop.monitor.alarm.finding import Finding

SEVERITIES: tuple[AlarmSeverity, ...] = get_args(AlarmSeverity)
CRITICAL_SHARE = 0.1
"""A tenth of all that choosing is worth is more than most new models gain: somebody should get up for it."""
WARNING_SHARE = 0.02
"""A fiftieth is worth a look on a working day; less is noted."""
QUIET_CHECKS = 4
"""Turns in a row without an alarm after which an incident closes itself: a month of weekly batches."""


@dataclass(frozen=True)
class OpenIncident:
    """What folding needs to know of an open incident: its severity and slices so far."""

    incident_id: str
    family: MonitorFamily
    severity: AlarmSeverity
    slices: frozenset[str]


@dataclass(frozen=True)
class AlarmOccasion:
    """What alarms were found about: ``rows`` decisions of a use case, and when.

    ``worth``: what choosing between the actions is worth per decision (`Stakes.worth`), None where nobody knows.
    """

    use_case: str
    as_of: datetime
    rows: int
    worth: float | None = None


@dataclass(frozen=True)
class FoldedAlarm:
    """An alarm in its incident. ``stake_total`` is money over the whole cohort, None where nobody can say.

    ``is_opening``: its incident is new. ``is_news``: people should hear of it, because the incident is new, came to
    another slice or became more severe.
    """

    finding: Finding
    severity: AlarmSeverity
    stake_total: float | None
    incident_id: str
    is_opening: bool
    is_news: bool


def is_raised(finding: Finding, minimum_money: float) -> bool:
    """Whether a finding is an alarm that is worth raising, given the contract's `monitors.minimum_money`.

    What halts a batch and what is unfair to a group is always told: money does not weigh those. So is a stake that
    nobody can put into money.
    """
    if not finding.is_alarm:
        return False
    is_beyond_money = finding.is_halting or finding.family == "impact" or finding.stake is None
    return is_beyond_money or finding.stake >= minimum_money  # type: ignore[operator]


def severity_of(finding: Finding, worth: float | None) -> AlarmSeverity:
    """How urgent an alarm is: by its money at stake per decision as a share of ``worth``.

    Args:
        worth: what choosing between the actions is worth per decision (`Stakes.worth`), None where nobody knows.
    """
    if finding.is_halting or finding.family == "impact":
        return "critical"
    if finding.stake is None or not worth or worth <= 0:
        return "warning"
    share = finding.stake / worth
    if share >= CRITICAL_SHARE:
        return "critical"
    return "warning" if share >= WARNING_SHARE else "info"


def fold(
    occasion: AlarmOccasion,
    alarms: Sequence[Finding],
    open_incidents: Sequence[OpenIncident],
    taken: Collection[str] = (),
) -> tuple[FoldedAlarm, ...]:
    """Put alarms into incidents: one open incident a family, a new one where there is none.

    Args:
        alarms: findings that `is_raised`, in the order in which they are to be told.
        taken: ids of every incident so far, also closed ones; a new id is none of them.
    """
    current = {incident.family: incident for incident in open_incidents}
    used = {*taken, *(incident.incident_id for incident in open_incidents)}
    folded = []
    for finding in alarms:
        severity = severity_of(finding, occasion.worth)
        before = current.get(finding.family)
        name = (occasion.use_case, finding.family, occasion.as_of)
        incident_id = before.incident_id if before else new_incident_id(*name, used)
        used.add(incident_id)
        stake_total = None if finding.stake is None else finding.stake * occasion.rows
        is_news = before is None or _is_new_in(before, finding, severity)
        folded.append(FoldedAlarm(finding, severity, stake_total, incident_id, before is None, is_news))
        current[finding.family] = _joined(before, incident_id, finding, severity)
    return tuple(folded)


def closing(open_incidents: Sequence[OpenIncident], quiet: Mapping[str, int]) -> tuple[str, ...]:
    """The open incidents that are over by themselves.

    Args:
        quiet: by incident id, the turns in a row in which its monitors answered and found everything in order.
    """
    return tuple(one.incident_id for one in open_incidents if quiet.get(one.incident_id, 0) >= QUIET_CHECKS)


def new_incident_id(use_case: str, family: MonitorFamily, as_of: datetime, taken: Collection[str]) -> str:
    """``use_case/family/date``, with -2, -3 and so on behind it where that is taken."""
    name = f"{use_case}/{family}/{as_of:%Y-%m-%d}"
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbered) if one not in taken)


def _is_new_in(incident: OpenIncident, finding: Finding, severity: AlarmSeverity) -> bool:
    is_graver = SEVERITIES.index(severity) > SEVERITIES.index(incident.severity)
    return is_graver or finding.slice not in incident.slices


def _joined(incident: OpenIncident | None, incident_id: str, finding: Finding, severity: AlarmSeverity) -> OpenIncident:
    """The incident after one more alarm."""
    if incident is None:
        return OpenIncident(incident_id, finding.family, severity, frozenset({finding.slice}))
    gravest = max(incident.severity, severity, key=SEVERITIES.index)
    return replace(incident, severity=gravest, slices=incident.slices | {finding.slice})
