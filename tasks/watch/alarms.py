"""Findings of the monitors, written down: every figure, the alarms among them, their incidents, and who is told."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection

from decisionloop.contract.watching import MonitorFamily
from decisionloop.ledger.alarms import Alarm, alarm_id_of, alarms_of, append_alarms, quiet_checks, recorded_alarms
from decisionloop.ledger.batches import cohort_name
from decisionloop.ledger.incidents import Incident, close, incidents, open_incident
from decisionloop.ledger.measurements import Measurement, append_measurements
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.monitor.alarm.finding import Finding
from decisionloop.monitor.alarm.folding import (
    QUIET_CHECKS,
    SEVERITIES,
    FoldedAlarm,
    OpenIncident,
    closing,
    fold,
    is_raised,
)
from decisionloop.observe.cohort import Figure
from decisionloop.workspace import Workspace
from tasks.tell.announcements import announce
from tasks.tell.notices import Notification, queue_notices
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
class _Occasion:
    """What was judged, and when."""

    use_case: str
    as_of: datetime
    batch_id: str | None
    cohort: str
    rows: int
    worth: float | None


def raise_alarms(
    workspace: Workspace,
    findings: Sequence[Finding],
    as_of: datetime,
    batch_id: str | None,
    rows: int,
    cohort_as_of: datetime | None = None,
    is_mature: bool = False,
) -> tuple[RaisedAlarm, ...]:
    """Append what the monitors found about one cohort and raise the alarms; doing it again adds nothing.

    Alarms of a family fold into its open incident. Incidents whose monitors have been quiet for long enough close.

    Args:
        as_of: when it was found.
        rows: decisions of the cohort, to turn money per decision into money.
        cohort_as_of: the cohort that it was found about; by default the batch of ``as_of`` itself.
        is_mature: whether every outcome of the cohort that will come has come.
    """
    use_case = workspace.use_case
    cohort = cohort_name(cohort_as_of or as_of)
    crossed = [one for one in findings if is_raised(one, use_case.monitors.minimum_money)]
    worth = stakes_before(workspace, as_of).worth if crossed else None
    occasion = _Occasion(use_case.name, as_of, batch_id, cohort, rows, worth)
    with workspace.ledger.begin() as connection:
        append_measurements(connection, [_measurement(occasion, one, is_mature) for one in findings])
        known = incidents(connection, use_case.name)
        raised = _raise(connection, occasion, crossed, known)
        _close_quiet(connection, findings, known)
        for incident_id, news in _by_incident([one.alarm for one in raised if one.is_news]).items():
            queue_notices(connection, use_case, incident_id, cohort, _message(use_case.name, incident_id, news))
    for incident_id, alarms in _by_incident([one.alarm for one in raised]).items():
        _announce(incident_id, alarms)
    return raised


def _raise(
    connection: Connection, occasion: _Occasion, crossed: Sequence[Finding], known: Sequence[Incident]
) -> tuple[RaisedAlarm, ...]:
    """The alarms of these findings: those that are in the ledger as they are, and new ones in their incidents."""
    ids = [_alarm_id(occasion, one) for one in crossed]
    before = recorded_alarms(connection, ids)
    folded = fold(
        occasion.use_case,
        [one for one, alarm_id in zip(crossed, ids, strict=True) if alarm_id not in before],
        [_as_open(one) for one in known if one.is_open],
        as_of=occasion.as_of,
        rows=occasion.rows,
        worth=occasion.worth,
        taken=[one.incident_id for one in known],
    )
    new = [RaisedAlarm(_alarm(occasion, one), one.is_news) for one in folded]
    for one in folded:
        if one.is_opening:
            found = one.finding
            open_incident(connection, one.incident_id, occasion.use_case, found.family, found.words)
    append_alarms(connection, [one.alarm for one in new])
    return (*(RaisedAlarm(alarm, is_news=False) for alarm in before.values()), *new)


def _close_quiet(connection: Connection, findings: Sequence[Finding], known: Sequence[Incident]) -> None:
    """Close the incidents of the families judged here that have been quiet for long enough, this time included."""
    judged = {one.family for one in findings}
    candidates = [one for one in known if one.is_open and one.family in judged]
    quiet = {
        one.incident_id: quiet_checks(connection, alarms_of(connection, one.use_case, one.incident_id))
        for one in candidates
    }
    for incident_id in closing([_as_open(one) for one in candidates], quiet):
        close(connection, incident_id, "monitors", f"its monitors were quiet {QUIET_CHECKS} times in a row")


def _as_open(incident: Incident) -> OpenIncident:
    return OpenIncident(incident.incident_id, incident.family, incident.severity, frozenset(incident.slices))  # type: ignore[arg-type]


def _measurement(occasion: _Occasion, finding: Finding, is_mature: bool) -> Measurement:
    told = (finding.monitor, finding.figure, finding.slice, finding.release_id, finding.threshold, is_mature)
    return measurement_of(occasion.use_case, occasion.cohort, occasion.as_of, Figure(*told), finding.against or None)


def _alarm_id(occasion: _Occasion, finding: Finding) -> str:
    key = (occasion.use_case, finding.monitor, finding.slice, finding.against, finding.release_id)
    return alarm_id_of(*key, occasion.cohort, occasion.as_of)


def _alarm(occasion: _Occasion, folded: FoldedAlarm) -> Alarm:
    finding, figure = folded.finding, folded.finding.figure
    assert finding.bound is not None  # what could not answer is no alarm
    return Alarm(
        alarm_id=_alarm_id(occasion, finding),
        use_case=occasion.use_case,
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


def _by_incident(alarms: Sequence[Alarm]) -> dict[str, list[Alarm]]:
    """The alarms of each incident, the gravest and dearest first."""
    grouped: dict[str, list[Alarm]] = defaultdict(list)
    for one in sorted(alarms, key=_weight, reverse=True):
        grouped[one.incident_id].append(one)
    return grouped


def _weight(alarm: Alarm) -> tuple[int, float, str]:
    return SEVERITIES.index(alarm.severity), alarm.stake_total or 0.0, alarm.alarm_id


def _message(use_case: str, incident_id: str, news: Sequence[Alarm]) -> Notification:
    """One message about all that is new in an incident."""
    worst = news[0]
    more = f" (and {len(news) - 1} more)" if len(news) > 1 else ""
    lines = [f"- {one.words} {_money(one)}" for one in news]
    suggestions = list(dict.fromkeys(one.suggestion for one in news))
    told = f"Incident {incident_id}, batch of {worst.cohort}. `decisionloop incidents list {use_case}` shows it."
    body = "\n".join([*lines, "", *suggestions, "", told])
    return Notification(worst.severity, f"{use_case}: {worst.words}{more}", body)  # type: ignore[arg-type]


def _money(alarm: Alarm) -> str:
    if alarm.stake_per_decision is None or alarm.stake_total is None:
        return "What is at stake is unknown."
    return f"At stake: {alarm.stake_per_decision:,.2f} a decision, {alarm.stake_total:,.0f} in this batch."


def _announce(incident_id: str, alarms: Sequence[Alarm]) -> None:
    """One event an incident and cohort, with the measurement of its gravest alarm: each may start a retraining."""
    worst = alarms[0]
    told = (
        "use_case", "incident_id", "family", "monitor", "slice", "against", "release_id", "batch_id", "cohort",
        "severity", "value", "low", "high", "threshold", "stake_per_decision", "stake_total", "words", "suggestion",
    )  # fmt: skip
    payload = {
        **{name: getattr(worst, name) for name in told},
        "as_of": worst.as_of.isoformat(),
        "reason": worst.words,
        "alarms": len(alarms),
        "slices": [one.slice for one in alarms],
    }
    plain = json.loads(canonical_json(payload))  # an infinite end of an interval has no JSON
    event_id = uuid5(NAMESPACE_URL, canonical_json([incident_id, worst.cohort, worst.as_of]))
    announce(EVENTS[worst.family], worst.use_case, incident_id, plain, event_id)  # type: ignore[index]
