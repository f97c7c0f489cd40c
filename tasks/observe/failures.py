"""Why predictions of a mature cohort failed, and in which slices money was lost."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.batches import Batch, cohort_name
from decisionloop.ledger.failures import append_failures
from decisionloop.ledger.held_cohorts import held_cohorts
from decisionloop.ledger.monitor_references import MonitorThreshold, append_thresholds, reference_of, thresholds_of
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.ledger.weak_slices import WeakSlice, append_weak_slices, latest_weak_slices
from decisionloop.observe.decided_cohort import DecidedCohort
from decisionloop.observe.failure_triage import FailureTriage, KnownOfFailures, triage
from decisionloop.observe.support import Support
from decisionloop.workspace import Workspace
from tasks.readback.tables import read_table
from tasks.watch.inputs import SUPPORT

LIMIT = "large_miss"


def explain_failures(
    workspace: Workspace, batch: Batch, cohort: DecidedCohort, as_of: datetime, is_complete: bool
) -> None:
    """Write down a cause for each large failure, and the slices that surely lost money; rules expect nothing.

    A cohort that misses outcomes (``is_complete``) does not say which losses of its release are large.
    """
    if cohort.predictions.values is None:
        return
    known = _known(workspace, batch, cohort, as_of)
    result = triage(cohort, known)
    name, of_cohort = workspace.use_case.name, cohort_name(batch.as_of)
    if is_complete and known.limit is None and np.isfinite(result.limit):
        evidence = canonical_json({"cohort": of_cohort, "decisions": result.outcomes})
        limit = MonitorThreshold(name, LIMIT, "all", cohort.release_id, result.limit, evidence, as_of)
        append_thresholds(workspace.ledger, [limit])
    append_failures(workspace.ledger, name, batch.batch_id, result.failures)
    append_weak_slices(workspace.ledger, _weak_slices(cohort, result, of_cohort, as_of))


def _known(workspace: Workspace, batch: Batch, cohort: DecidedCohort, as_of: datetime) -> KnownOfFailures:
    """What was known of the release and of earlier cohorts before this one failed."""
    ledger, name, release_id = workspace.ledger, workspace.use_case.name, cohort.release_id
    support = reference_of(ledger, name, release_id, SUPPORT)
    limit, held = thresholds_of(ledger, name, release_id).get((LIMIT, "all")), held_cohorts(ledger, name)
    return KnownOfFailures(
        support=None if support is None else Support.from_json(support.content),
        weak_slices=tuple(one.predicate for one in latest_weak_slices(ledger, name, as_of, held)),
        age_days=_ages(workspace, batch, cohort),
        limit=None if limit is None else limit.threshold,
    )


def _ages(workspace: Workspace, batch: Batch, cohort: DecidedCohort) -> np.ndarray | None:
    """How old each decision's newest source row was, in days (n,); None for batches that did not keep it."""
    ledger, batch_id = workspace.ledger, batch.batch_id
    kept = {part.part: part.digest for part in parts_of(ledger, batch_id, "ages")}
    if not kept:
        return None
    ages, digest = np.full(len(cohort.log), np.nan), cohort.log["snapshot_digest"].to_numpy(dtype=object)
    place = cohort.log["snapshot_row"].to_numpy()
    for part in parts_of(ledger, batch_id, "features"):
        rows = np.flatnonzero(digest == part.digest)
        ages[rows] = read_table(workspace, kept[part.part])["age_days"].to_numpy()[place[rows]]
    return ages


def _weak_slices(cohort: DecidedCohort, result: FailureTriage, name: str, as_of: datetime) -> list[WeakSlice]:
    return [
        WeakSlice(
            use_case=cohort.use_case.name,
            cohort=name,
            rank=rank,
            release_id=cohort.release_id,
            description=one.description,
            predicate=one.predicate,
            n=one.n,
            money_per_decision=float(one.money_per_decision.value or 0.0),
            low=one.money_per_decision.low,
            high=one.money_per_decision.high,
            money_total=one.money_total,
            as_of=as_of,
            at=utc_now(),
        )
        for rank, one in enumerate(result.weak_slices, start=1)
    ]
