"""Incidents of a simulated year, folded by the functions that the loop folds them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from decisionloop.contract.watching import MonitorFamily
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.folding import FoldedAlarm, OpenIncident, closing, fold, is_raised


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

    use_case: str
    worth: float | None
    minimum_money: float
    past: list[Incident] = field(default_factory=list)
    checks: dict[MonitorFamily, int] = field(default_factory=dict)
    _open: dict[MonitorFamily, OpenIncident] = field(default_factory=dict)
    _quiet: dict[str, int] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def take(self, findings: Sequence[Finding], week: int, as_of: pd.Timestamp, rows: int) -> None:
        """Fold everything that was found in one week."""
        alarms = [one for one in findings if is_raised(one, self.minimum_money)]
        open_now = tuple(self._open.values())
        for alarm in fold(self.use_case, alarms, open_now, as_of=as_of, rows=rows, worth=self.worth, taken=self._taken):
            self._join(alarm, week)
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
