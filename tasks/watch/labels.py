"""Outcomes that come late or not at all, told before anybody blames the model."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from decisionloop.ledger.batches import Batch, batches, cohort_name, newest_batches
from decisionloop.ledger.held_cohorts import HOLES, held_cohorts, include_complete
from decisionloop.ledger.label_arrivals import LabelArrivals, label_arrivals
from decisionloop.ledger.measured_cohorts import unmeasured_batches
from decisionloop.ledger.measurements import judged_between
from decisionloop.ledger.monitor_references import keep_reference, reference_of
from decisionloop.ledger.releases import present_rules
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.monitor.labels import CohortLabels
from decisionloop.monitor.watching.watch_cohort import CURVE_COHORTS
from decisionloop.observe.label_curve import CohortArrivals, LabelCurve
from decisionloop.workspace import Workspace, open_workspace
from tasks.readback.maturity import mature_at
from tasks.step import step
from tasks.watch.alarms import Occasion, raise_alarms

KIND = "labels"


@step
def watch_labels(use_case: str, as_of: datetime) -> int:
    """Compare how many outcomes each cohort has with what is usual and promised at its age; returns the alarms raised.

    Judged are young cohorts and those that have matured and were never measured, also where a pause lies between. A
    cohort that is alarmed is held back by the alarm; one whose outcomes have come since is released. The alarm budget
    is for one look a batch: what was judged since the last batch waits for the next one, however often outcomes are
    read.
    """
    workspace = open_workspace(use_case)
    contract = workspace.use_case
    raised, judged = 0, _judged_since_last_batch(workspace, as_of)
    for batch in (one for one in _unmeasured(workspace, as_of) if cohort_name(one.as_of) not in judged):
        labels = labels_of(workspace, batch, as_of).watched
        is_mature = labels.age_days >= (labels.mature_after_days or contract.outcome.maturity_days)
        occasion = Occasion(as_of, batch.batch_id, labels.decided, batch.as_of, is_mature)
        raised += len(raise_alarms(workspace, labels.judge(contract), occasion))
    _release_complete(workspace, as_of)
    return raised


def _unmeasured(workspace: Workspace, as_of: datetime) -> list[Batch]:
    """Decided batches before ``as_of`` that are not mature yet, or have just matured."""
    ledger, contract = workspace.ledger, workspace.use_case
    just_mature = as_of - timedelta(days=contract.outcome.maturity_days + contract.schedule.covers_days)
    before = as_of - timedelta(microseconds=1)
    young = batches(ledger, contract.name, just_mature + timedelta(microseconds=1), before)
    older = unmeasured_batches(ledger, contract.name, min(just_mature, before))
    return [*older, *(one for one in young if one.is_decided)]


def _release_complete(workspace: Workspace, as_of: datetime) -> None:
    """Let cohorts teach and judge again that an alarm holds back and whose outcomes are there after all.

    What is complete has no hole. A cohort that a person excluded waits for a person.
    """
    ledger, contract = workspace.ledger, workspace.use_case
    held = {name: one for name, one in held_cohorts(ledger, contract.name).items() if not one.is_by_person}
    found = batches(ledger, contract.name, as_of_to=as_of) if held else ()
    for batch in (one for one in found if cohort_name(one.as_of) in held):
        labels = labels_of(workspace, batch, as_of).watched
        if replace(labels, is_held_back=False).state(contract).is_complete:
            share = f"{labels.arrived:,} of {labels.decided:,} outcomes are there as of {as_of:%Y-%m-%d}"
            include_complete(ledger, contract.name, cohort_name(batch.as_of), share)


def _judged_since_last_batch(workspace: Workspace, as_of: datetime) -> frozenset[str]:
    """Cohorts whose labels were judged at an earlier time than ``as_of`` and not before the last batch."""
    ledger, name = workspace.ledger, workspace.use_case.name
    last = newest_batches(ledger, name, 1, as_of)
    return judged_between(ledger, name, HOLES, last[0].as_of, as_of) if last else frozenset()


@dataclass(frozen=True)
class BatchLabels:
    """When the outcomes of a batch came that are there at a time, and what is watched of them."""

    arrivals: LabelArrivals
    watched: CohortLabels


def labels_of(workspace: Workspace, batch: Batch, known_at: datetime) -> BatchLabels:
    """The outcomes of a batch that are there at a time, beside those of the mature cohorts before it."""
    revealing = [action.name for action in workspace.use_case.actions if action.reveals_outcome]
    arrivals = label_arrivals(workspace.ledger, batch.batch_id, revealing, known_at)
    age_days, held = (known_at - batch.as_of) / timedelta(days=1), held_cohorts(workspace.ledger, batch.use_case)
    curve, is_held = usual_curve(workspace, batch.as_of, held), cohort_name(batch.as_of) in held
    (mature,) = mature_at(workspace, [batch])
    is_own = bool(workspace.use_case.outcome.due) or workspace.use_case.online is not None
    after = (mature - batch.as_of) / timedelta(days=1) if is_own else None
    return BatchLabels(arrivals, CohortLabels(arrivals.decided, arrivals.arrived, age_days, curve, is_held, after))


def usual_curve(workspace: Workspace, before: datetime, held: Collection[str] = ()) -> LabelCurve:
    """Arrivals of the mature cohorts before a batch, as they were kept; cohorts held back by now are not usual."""
    kept = reference_of(workspace.ledger, workspace.use_case.name, _owner(workspace), KIND)
    if kept is None:
        return LabelCurve()
    stored = json.loads(kept.content)
    times = [datetime.fromisoformat(cohort) for cohort in stored["as_of"]]
    is_earlier = [time < before and cohort_name(time) not in held for time in times]
    curve = LabelCurve.from_json(stored["curve"])
    return LabelCurve(tuple(one for one, early in zip(curve.cohorts, is_earlier, strict=True) if early))


def keep_in_curve(workspace: Workspace, batch: Batch, arrivals: LabelArrivals, known_at: datetime) -> None:
    """Let a mature cohort be a part of what is usual for later ones."""
    name, owner = workspace.use_case.name, _owner(workspace)
    kept = reference_of(workspace.ledger, name, owner, KIND)
    stored: dict[str, Any] = {"as_of": [], "curve": {"cohorts": []}} if kept is None else json.loads(kept.content)
    if batch.as_of.isoformat() in stored["as_of"]:
        return
    ages = np.repeat(
        np.array([(at - batch.as_of) / timedelta(days=1) for at, _ in arrivals.came], dtype=np.float64),
        np.array([count for _, count in arrivals.came], dtype=np.int64),
    )
    curve = LabelCurve.from_json(stored["curve"]) + LabelCurve((CohortArrivals.of(ages, arrivals.decided),))
    names = [*stored["as_of"], batch.as_of.isoformat()][-CURVE_COHORTS:]
    content = canonical_json({"as_of": names, "curve": asdict(curve.last(CURVE_COHORTS))})
    keep_reference(workspace.ledger, name, owner, content, known_at, KIND)


def _owner(workspace: Workspace) -> str:
    """How outcomes come in is nobody's release's doing: it is kept beside the rules, which are always there."""
    rules = present_rules(workspace.ledger, workspace.use_case.name)
    assert rules is not None  # there is no batch without
    return rules.release_id
