"""Incidents of a simulated year, folded by the functions that the loop folds them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.incidents import AlarmOccasion, FoldedAlarm, OpenIncident, closing, fold, is_raised


@dataclass(frozen=True)
class Incident:
    """An incident of a family: the week in which it opened, and what its first alarm was about."""

    week: int
    family: MonitorFamily
    monitor: str
    slice: str
    words: str


@dataclass
class Book:
    """Incidents so far, and how many checks each family has made."""

    minimum_money: float
    past: list[Incident] = field(default_factory=list)
    checks: dict[MonitorFamily, int] = field(default_factory=dict)
    _open: dict[MonitorFamily, OpenIncident] = field(default_factory=dict)
    _quiet: dict[str, int] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _asked: dict[str, str] = field(default_factory=dict)

    @property
    def in_question(self) -> frozenset[str]:
        """Cohorts whose rate of the outcome is an open incident."""
        still_open = {one.incident_id for one in self._open.values()}
        return frozenset(cohort for cohort, incident_id in self._asked.items() if incident_id in still_open)

    def take(self, findings: Sequence[Finding], week: int, occasion: AlarmOccasion, mature: str | None = None) -> None:
        """Fold everything that was found in one week; ``mature``: the cohort whose outcomes were judged."""
        alarms = [one for one in findings if is_raised(one, self.minimum_money)]
        for alarm in fold(occasion, alarms, tuple(self._open.values()), self._taken):
            self._join(alarm, week)
            if alarm.finding.monitor == "outcome_shift" and mature is not None:
                self._asked[mature] = alarm.incident_id
        for finding in findings:
            self.checks[finding.family] = self.checks.get(finding.family, 0) + 1
        self._close({one.family for one in findings if one.bound is not None}, {one.family for one in alarms})

    def _join(self, alarm: FoldedAlarm, week: int) -> None:
        finding, family = alarm.finding, alarm.finding.family
        before = self._open.get(family) or OpenIncident(alarm.incident_id, family, alarm.severity, frozenset())
        self._open[family] = replace(before, slices=before.slices | {finding.slice})
        self._taken.add(alarm.incident_id)
        if alarm.is_opening and not any(one.week == week and one.family == family for one in self.past):
            self.past.append(Incident(week, family, finding.monitor, finding.slice, finding.words))

    def _close(self, answered: set[MonitorFamily], alarmed: set[MonitorFamily]) -> None:
        for family, incident in self._open.items():
            if family in alarmed:
                self._quiet[incident.incident_id] = 0
            elif family in answered:
                self._quiet[incident.incident_id] = self._quiet.get(incident.incident_id, 0) + 1
        over = set(closing(tuple(self._open.values()), self._quiet))
        self._open = {family: one for family, one in self._open.items() if one.incident_id not in over}
