"""What the retraining triggers must know, read from the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from decisionloop.learn.alarm_event import AlarmEvent
from decisionloop.learn.inverted import INVERTED
from decisionloop.learn.trigger_state import IncidentEvidence, TriggerState
from decisionloop.ledger.alarms import alarms_of
from decisionloop.ledger.batches import cohort_name, time_of_cohort
from decisionloop.ledger.earlier_figures import figures_of_cohorts, last_mature_cohorts
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.incidents import Incident, incidents
from decisionloop.ledger.releases import RULES, Release, champion, current_stages
from decisionloop.ledger.teaching import Teaching, decisions_per_batch, teaching_by_batch
from decisionloop.ledger.verdicts import find_training_set
from decisionloop.observe.estimate import Estimate
from decisionloop.workspace import Workspace
from tasks.readback.mature_decisions import training_window
from tasks.readback.maturity import mature_until
from tasks.readback.measured import estimate_of

AUC, CALIBRATION = "auc_weighted", "calibration"
AUC_ALARM = "auc_against_release"
BATCHES_COUNTED = 4
"""How many of the last batches tell how many decisions the use case takes."""


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
    """Count what has matured, look up how the deciding model fares and which incidents are open, as of ``as_of``.

    What is held back counts as if it had not come: a hole keeps its own cohort from teaching, and no other one.
    """
    ledger, contract = workspace.ledger, workspace.use_case
    asked = asked or Asked()
    since, until = training_window(workspace, as_of)
    revealing = [action.name for action in contract.actions if action.reveals_outcome]
    is_absent_zero = contract.outcome.means_zero_when_absent
    counts = teaching_by_batch(ledger, contract.name, (since, until), revealing, as_of, is_absent_zero)
    trained = [s.release for s in current_stages(ledger, contract.name) if s.release.kind not in (RULES, INVERTED)]
    last = max((release.created_at for release in trained), default=None)
    decides = champion(ledger, contract.name)
    record = _champion_record(workspace, None if decides is None else decides.release, as_of)
    outcomes, events = sum(c.outcomes for c in counts), sum(c.events for c in counts)
    open_ones = _open_incidents(workspace, as_of, counts, asked.event)
    return TriggerState(
        as_of=as_of,
        mature_outcomes=outcomes,
        mature_events=min(events, outcomes - events) if contract.outcome.class_ else outcomes,
        new_outcomes=_new_outcomes(workspace, counts, trained),
        has_model=bool(trained),
        last_trained_at=last,
        champion_auc=record.auc,
        auc_bound=record.auc_bound,
        reference_auc=record.reference,
        calibration_gap=record.gap,
        calibration_bound=record.gap_bound,
        auc_cohort=record.cohort,
        is_cohort_mature=record.auc is not None,
        outcomes_since_cohort=_outcomes_since(counts, time_of_cohort(record.cohort)) if record.cohort else 0,
        cohorts_held_back=sum(since <= time_of_cohort(one) <= until for one in held_cohorts(ledger, contract.name)),
        incidents=open_ones,
        decisions_per_day=_decisions_per_day(workspace, as_of) if open_ones else 0.0,
        event=asked.event.name if asked.event else "",
        event_family=asked.event.family if asked.event else None,
        request=asked.reason,
        is_forced=asked.is_forced,
    )


def _new_outcomes(workspace: Workspace, counts: Sequence[Teaching], trained: Sequence[Release]) -> int:
    """Outcomes that no training has seen: they matured after the last one, or it left their cohort out."""
    last = max(trained, key=lambda release: release.created_at, default=None)
    if last is None:
        return sum(count.outcomes for count in counts)
    until = mature_until(workspace, last.created_at)
    taught = find_training_set(workspace.ledger, last.training_set_id) if last.training_set_id else None
    left_out = taught.cohorts_left_out if taught else frozenset[str]()
    return sum(one.outcomes for one in counts if one.as_of > until or cohort_name(one.as_of) in left_out)


def _open_incidents(
    workspace: Workspace, as_of: datetime, counts: Sequence[Teaching], event: AlarmEvent | None
) -> tuple[IncidentEvidence, ...]:
    """The incidents that were open at ``as_of``, and the event's own where the ledger does not know it."""
    known = incidents(workspace.ledger, workspace.use_case.name)
    evidence = [_evidence(workspace, one, counts) for one in known if one.is_open and one.first_alarm_as_of <= as_of]
    if event is not None and event.incident_id not in {one.incident_id for one in known}:
        since = event.since or as_of
        evidence.append(IncidentEvidence(event.family, since, _outcomes_since(counts, since), event.stake, event.words))
    return tuple(evidence)


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


@dataclass(frozen=True)
class _ChampionRecord:
    """The deciding model's AUC and calibration on its latest mature ``cohort``, with the bounds of the alarms that
    the cohort raised about them (None: it raised none), and its AUC at release."""

    auc: Estimate | None = None
    auc_bound: float | None = None
    reference: float | None = None
    gap: Estimate | None = None
    gap_bound: float | None = None
    cohort: str = ""


def _champion_record(workspace: Workspace, release: Release | None, as_of: datetime) -> _ChampionRecord:
    if release is None or release.kind == RULES:
        return _ChampionRecord()
    auc, cohort = _latest(workspace, release, AUC, as_of)
    gap, of_cohort = _latest(workspace, release, CALIBRATION, as_of)
    raised = {
        one.monitor: one.bound
        for one in alarms_of(workspace.ledger, workspace.use_case.name)
        if (one.release_id, one.cohort) == (release.release_id, cohort)
    }
    return _ChampionRecord(
        auc=auc,
        auc_bound=raised.get(AUC_ALARM),
        reference=json.loads(release.card_json)["metrics"].get(AUC),
        gap=gap if of_cohort == cohort else None,
        gap_bound=raised.get(CALIBRATION),
        cohort=cohort,
    )


def _latest(workspace: Workspace, release: Release, monitor: str, as_of: datetime) -> tuple[Estimate | None, str]:
    """What a monitor had measured of a release by ``as_of`` on its latest mature cohort that may judge, and the name of
    that cohort."""
    ledger, name = workspace.ledger, workspace.use_case.name
    held = held_cohorts(ledger, name)
    looked_at = last_mature_cohorts(ledger, name, monitor, release.release_id, 1 + len(held), as_of)
    cohort = next((one for one in looked_at if one not in held), None)
    if cohort is None:
        return None, ""
    told = figures_of_cohorts(ledger, name, [monitor], release.release_id, [cohort], as_of)
    return next(((estimate_of(one), cohort) for one in told if one.slice == "all"), (None, ""))
