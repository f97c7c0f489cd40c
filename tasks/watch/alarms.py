"""Findings of the monitors, written down: every figure, the alarms among them, their incidents, and who is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection

from decisionloop.contract.monitoring import MonitorFamily
from decisionloop.ledger.alarms import Alarm, AlarmKey, alarms_of, append_alarms, quiet_checks, recorded_alarms
from decisionloop.ledger.batches import cohort_name
from decisionloop.ledger.incidents import Incident, close, incidents, open_incident
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.incidents import (
    QUIET_CHECKS,
    AlarmOccasion,
    FoldedAlarm,
    OpenIncident,
    closing,
    fold,
    is_raised,
)
from decisionloop.monitor.alarm.known_events import with_known_events
from decisionloop.monitor.alarm.message import by_incident, incident_message
from decisionloop.monitor.alarm.runbook import runbook_of_incident
from decisionloop.observe.cohort import Figure
from decisionloop.settings import load_settings
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce
from tasks.tell.queueing import queue_notices
from tasks.watch.inputs import stakes_before
from tasks.watch.measurement import measurement_of

EVENTS: dict[MonitorFamily, str] = {
    "inputs": "drift.detected",
    "outputs": "drift.detected",
    "feedback": "drift.detected",
    "skew": "drift.detected",
    "performance": "performance.decayed",
    "labels": "labels.missing",
    "impact": "impact.adverse",
    "value": "value.lost",
}


@dataclass(frozen=True)
class RaisedAlarm:
    """An alarm as it is in the ledger, and whether people were to hear of it (False where it was raised before)."""

    alarm: Alarm
    is_news: bool


@dataclass(frozen=True)
class Occasion:
    """What was judged, and when.

    as_of         when it was found
    batch_id      the batch that it was found about, if it was one
    rows          decisions of the cohort, to turn money per decision into money
    cohort_as_of  the cohort that it was found about; by default the batch of ``as_of`` itself
    is_mature     whether every outcome of the cohort that will come has come
    """

    as_of: datetime
    batch_id: str | None
    rows: int
    cohort_as_of: datetime | None = None
    is_mature: bool = False

    @property
    def cohort(self) -> str:
        """The name of the cohort."""
        return cohort_name(self.cohort_as_of or self.as_of)


def raise_alarms(workspace: Workspace, findings: Sequence[Finding], occasion: Occasion) -> tuple[RaisedAlarm, ...]:
    """Append what the monitors found about one cohort and raise the alarms; doing it again adds nothing.

    Alarms of a family fold into its open incident. Incidents whose monitors have been quiet for long enough close.
    """
    use_case, as_of = workspace.use_case, occasion.as_of
    findings = with_known_events(use_case, findings, occasion.cohort_as_of or as_of, as_of)
    crossed = [one for one in findings if is_raised(one, use_case.monitors.minimum_money)]
    worth = stakes_before(workspace, as_of).worth if crossed else None
    about = AlarmOccasion(use_case.name, as_of, occasion.rows, worth)
    with workspace.ledger.begin() as connection:
        append_measurements(connection, [_measurement(use_case.name, occasion, one) for one in findings])
        known = incidents(connection, use_case.name)
        raised = _raise(connection, occasion, about, crossed, known)
        _close_quiet(connection, findings, known)
        for incident_id, news in by_incident(one.alarm for one in raised if one.is_news).items():
            page = runbook_of_incident(news[0].family, load_settings().runbook_url)
            message = incident_message(use_case.name, incident_id, news, page)
            queue_notices(connection, use_case, incident_id, occasion.cohort, message)
    for incident_id, alarms in by_incident(one.alarm for one in raised).items():
        _announce(incident_id, alarms)
    return raised


def _raise(
    connection: Connection,
    occasion: Occasion,
    about: AlarmOccasion,
    crossed: Sequence[Finding],
    known: Sequence[Incident],
) -> tuple[RaisedAlarm, ...]:
    """The alarms of these findings: those that are in the ledger as they are, and new ones in their incidents."""
    ids = [_alarm_id(about.use_case, occasion, one) for one in crossed]
    before = recorded_alarms(connection, ids)
    unknown = [one for one, alarm_id in zip(crossed, ids, strict=True) if alarm_id not in before]
    open_ones = [_as_open(one) for one in known if one.is_open]
    folded = fold(about, unknown, open_ones, taken=[one.incident_id for one in known])
    new = [RaisedAlarm(_alarm(about.use_case, occasion, one), one.is_news) for one in folded]
    for one, raised in zip(folded, new, strict=True):
        if one.is_opening:
            open_incident(connection, raised.alarm)
    append_alarms(connection, [one.alarm for one in new])
    return (*(RaisedAlarm(alarm, is_news=False) for alarm in before.values()), *new)


def _close_quiet(connection: Connection, findings: Sequence[Finding], known: Sequence[Incident]) -> None:
    """Close the incidents of the families judged here that have been quiet for long enough, this time included."""
    families = {one.family for one in findings}
    candidates = [one for one in known if one.is_open and one.family in families]
    quiet = {
        one.incident_id: quiet_checks(connection, alarms_of(connection, one.use_case, one.incident_id))
        for one in candidates
    }
    for incident_id in closing([_as_open(one) for one in candidates], quiet):
        close(connection, incident_id, "monitors", f"its monitors were quiet {QUIET_CHECKS} times in a row")


def _as_open(incident: Incident) -> OpenIncident:
    return OpenIncident(incident.incident_id, incident.family, incident.severity, frozenset(incident.slices))  # type: ignore[arg-type]


def _measurement(use_case: str, occasion: Occasion, finding: Finding) -> Measurement:
    figure = Figure(
        finding.monitor, finding.figure, finding.slice, finding.release_id, finding.threshold, occasion.is_mature
    )
    return measurement_of(use_case, occasion.cohort, occasion.as_of, figure, finding.against or None)


def _alarm_id(use_case: str, occasion: Occasion, finding: Finding) -> str:
    check = (finding.monitor, finding.slice, finding.against, finding.release_id)
    return AlarmKey(use_case, *check, occasion.cohort, occasion.as_of).alarm_id


def _alarm(use_case: str, occasion: Occasion, folded: FoldedAlarm) -> Alarm:
    finding, figure = folded.finding, folded.finding.figure
    assert finding.bound is not None  # what could not answer is no alarm
    return Alarm(
        alarm_id=_alarm_id(use_case, occasion, finding),
        use_case=use_case,
        incident_id=folded.incident_id,
        family=finding.family,
        monitor=finding.monitor,
        slice=finding.slice,
        against=finding.against,
        release_id=finding.release_id,
        batch_id=occasion.batch_id,
        cohort=occasion.cohort,
        severity=folded.severity,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        threshold=finding.threshold,
        bound=finding.bound,
        alpha=finding.alpha,
        stake_per_decision=finding.stake,
        stake_total=folded.stake_total,
        words=finding.words,
        suggestion=finding.suggestion,
        chart=None if finding.chart is None else canonical_json(asdict(finding.chart)),
        as_of=occasion.as_of,
        at=utc_now(),
    )


def _announce(incident_id: str, alarms: Sequence[Alarm]) -> None:
    """One event an incident and cohort, with the measurement of its gravest alarm: each may start a retraining."""
    worst = alarms[0]
    names = (
        "use_case", "incident_id", "family", "monitor", "slice", "against", "release_id", "batch_id", "cohort",
        "severity", "value", "low", "high", "threshold", "stake_per_decision", "stake_total", "words", "suggestion",
    )  # fmt: skip
    payload = {
        **{name: getattr(worst, name) for name in names},
        "as_of": worst.as_of.isoformat(),
        "reason": worst.words,
        "alarms": len(alarms),
        "slices": [one.slice for one in alarms],
    }
    plain = json.loads(canonical_json(payload))  # an infinite end of an interval has no JSON
    event_id = uuid5(NAMESPACE_URL, canonical_json([incident_id, worst.cohort, worst.as_of]))
    announce(EVENTS[worst.family], worst.use_case, incident_id, plain, event_id)  # type: ignore[index]
