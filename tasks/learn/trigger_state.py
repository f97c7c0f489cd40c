"""What the retraining triggers must know, read from the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from decisionloop.learn.alarm_event import AlarmEvent
from decisionloop.learn.triggers import IncidentEvidence, TriggerState
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.incidents import Incident, incidents
from decisionloop.ledger.measurements import measurements_of
from decisionloop.ledger.releases import RULES, Release, champion, current_stages
from decisionloop.ledger.teaching import Teaching, decisions_per_batch, teaching_by_batch
from decisionloop.observe.estimate import Estimate
from decisionloop.workspace import Workspace
from tasks.readback.mature_decisions import training_window
from tasks.readback.maturity import mature_until
from tasks.readback.measured import estimates_of

AUC, CALIBRATION = "auc_weighted", "calibration"
BATCHES_COUNTED = 4
"""How many of the last batches tell how many decisions the use case takes."""

HOLES = ("late_labels", "missing_labels")


@dataclass(frozen=True)
class Asked:
    """Who started the run: a person's reason (``is_forced``: that person insists), or the event of an alarm."""

    reason: str = ""
    is_forced: bool = False
    event: AlarmEvent | None = None

    @property
    def is_by_somebody(self) -> bool:
        """Whether a person or an alarm asks, and not the schedule."""
        return bool(self.reason) or self.event is not None


def trigger_state(workspace: Workspace, as_of: datetime, asked: Asked | None = None) -> TriggerState:
    """Count what has matured, look up how the deciding model fares and which incidents are open, as of ``as_of``."""
    ledger, contract = workspace.ledger, workspace.use_case
    asked = asked or Asked()
    since, until = training_window(workspace, as_of)
    revealing = [action.name for action in contract.actions if action.reveals_outcome]
    is_absent_zero = contract.outcome.means_zero_when_absent
    counts = teaching_by_batch(ledger, contract.name, since, until, revealing, is_absent_zero)
    trained = [s.release for s in current_stages(ledger, contract.name) if s.release.kind != RULES]
    last = max((release.created_at for release in trained), default=None)
    matured_since = None if last is None else mature_until(workspace, last)
    decides = champion(ledger, contract.name)
    auc, gap, reference, cohort = _champion_record(workspace, None if decides is None else decides.release)
    outcomes, events = sum(c.outcomes for c in counts), sum(c.events for c in counts)
    open_ones = _open_incidents(workspace, as_of, counts, asked.event)
    return TriggerState(
        as_of=as_of,
        mature_outcomes=outcomes,
        mature_events=min(events, outcomes - events) if contract.outcome.class_ else outcomes,
        new_outcomes=sum(c.outcomes for c in counts if matured_since is None or c.as_of > matured_since),
        has_model=bool(trained),
        last_trained_at=last,
        champion_auc=auc,
        reference_auc=reference,
        calibration_gap=gap,
        auc_cohort=cohort,
        is_cohort_mature=auc is not None,
        outcomes_since_cohort=_outcomes_since(counts, time_of_cohort(cohort)) if cohort else 0,
        incidents=open_ones,
        decisions_per_day=_decisions_per_day(workspace, as_of) if open_ones else 0.0,
        event=asked.event.name if asked.event else "",
        event_family=asked.event.family if asked.event else None,
        request=asked.reason,
        is_forced=asked.is_forced,
    )


def time_of_cohort(cohort: str) -> datetime:
    """The as-of that names a cohort ("2005-09-08", or with a time)."""
    moment = datetime.fromisoformat(cohort)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _open_incidents(
    workspace: Workspace, as_of: datetime, counts: Sequence[Teaching], event: AlarmEvent | None
) -> tuple[IncidentEvidence, ...]:
    """The incidents that were open at ``as_of``, and the event's own where the ledger does not know it."""
    known = incidents(workspace.ledger, workspace.use_case.name)
    is_meant = [one.is_open and one.first_alarm_as_of <= as_of and _matters(workspace, one) for one in known]
    evidence = [_evidence(workspace, one, counts) for one, matters in zip(known, is_meant, strict=True) if matters]
    if event is not None and event.incident_id not in {one.incident_id for one in known}:
        since = event.since or as_of
        evidence.append(IncidentEvidence(event.family, since, _outcomes_since(counts, since), event.stake, event.words))
    return tuple(evidence)


def _matters(workspace: Workspace, incident: Incident) -> bool:
    """An outcome whose rate has changed is there to be learnt from; one that is missing is not."""
    if incident.family != "labels":
        return True
    return any(one.monitor in HOLES for one in alarms_of(workspace.ledger, incident.use_case, incident.incident_id))


def _evidence(workspace: Workspace, incident: Incident, counts: Sequence[Teaching]) -> IncidentEvidence:
    alarms = alarms_of(workspace.ledger, incident.use_case, incident.incident_id)
    since = min(time_of_cohort(alarm.cohort) for alarm in alarms)
    stakes = [alarm.stake_per_decision for alarm in alarms if alarm.stake_per_decision is not None]
    return IncidentEvidence(
        family=incident.family,  # type: ignore[arg-type]  # the ledger keeps it as text
        since=since,
        outcomes_since=_outcomes_since(counts, since),
        stake=max(stakes, default=None),
        words=incident.first_words,
    )


def _outcomes_since(counts: Sequence[Teaching], since: datetime) -> int:
    return sum(count.outcomes for count in counts if count.as_of >= since)


def _decisions_per_day(workspace: Workspace, as_of: datetime) -> float:
    days = workspace.use_case.schedule.covers_days
    first = as_of - timedelta(days=BATCHES_COUNTED * days)
    return decisions_per_batch(workspace.ledger, workspace.use_case.name, first, as_of) / days


def _champion_record(
    workspace: Workspace, release: Release | None
) -> tuple[Estimate | None, Estimate | None, float | None, str]:
    """The deciding model's AUC and calibration on its latest mature cohort, its AUC at release, the cohort's name."""
    if release is None or release.kind == RULES:
        return None, None, None, ""
    reference = json.loads(release.card_json)["metrics"].get(AUC)
    auc, cohort = _latest(workspace, release, AUC)
    gap, of_cohort = _latest(workspace, release, CALIBRATION)
    return auc, gap if of_cohort == cohort else None, reference, cohort


def _latest(workspace: Workspace, release: Release, monitor: str) -> tuple[Estimate | None, str]:
    """What a monitor measured of a release on its latest mature cohort, and that cohort's name."""
    measured = measurements_of(workspace.ledger, workspace.use_case.name, monitor, release.release_id)
    measured = measured[measured["is_mature"] & (measured["slice"] == "all")]
    if measured.empty:
        return None, ""
    last = measured.sort_values("cohort").iloc[-1:]
    (estimate,) = estimates_of(last)
    return estimate, str(last["cohort"].iloc[0])
