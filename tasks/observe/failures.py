"""Why predictions of a mature cohort failed, and in which slices money was lost."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from decisionloop.ledger.batch_parts import parts_of
from decisionloop.ledger.failures import append_failures
from decisionloop.ledger.monitor_references import append_thresholds, new_threshold, reference_of, thresholds_of
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.weak_slices import WeakSlice, append_weak_slices, latest_weak_slices
from decisionloop.monitor.alarm.finding import Stakes
from decisionloop.observe.failures import (
    Circumstances,
    causes_of,
    circumstances_of,
    large_misses,
    miss_limit,
    money_surprise,
)
from decisionloop.observe.support import Support
from decisionloop.observe.weak_slices import find_weak_slices
from decisionloop.workspace import Workspace
from tasks.readback.cohort import Cohort
from tasks.readback.tables import read_table
from tasks.watch.inputs import SUPPORT

LIMIT = "large_miss"


def explain_misses(workspace: Workspace, cohort: Cohort, as_of: datetime) -> None:
    """Write down a cause for each large miss, and the slices that surely lost money; rules expect nothing."""
    if cohort.said.values is None:
        return
    surprise = money_surprise(cohort.use_case, cohort.money, cohort.said.values, cohort.taken)
    stakes = cohort.stakes
    known_before = tuple(one.predicate for one in latest_weak_slices(workspace.ledger, cohort.use_case.name, as_of))
    cause = causes_of(cohort.use_case, _circumstances(workspace, cohort, known_before), stakes.worth)
    limit = _limit(workspace, cohort, surprise, stakes, as_of)
    misses = large_misses(cohort.log["decision_id"], surprise, cause, limit)
    append_failures(workspace.ledger, cohort.use_case.name, cohort.batch.batch_id, misses)
    _keep_weak_slices(workspace, cohort, surprise, as_of)


def _circumstances(workspace: Workspace, cohort: Cohort, weak: tuple[str, ...]) -> Circumstances:
    kept = reference_of(workspace.ledger, cohort.use_case.name, cohort.champion.release_id, SUPPORT)
    return circumstances_of(
        cohort.use_case,
        cohort.log,
        cohort.frame,
        cohort.said.values,
        None if kept is None else Support.from_json(kept.content),
        weak,
        _ages(workspace, cohort),
    )


def _ages(workspace: Workspace, cohort: Cohort) -> np.ndarray | None:
    """How old each decision's newest source row was, in days (n,); None for batches that did not keep it."""
    ledger, batch_id = workspace.ledger, cohort.batch.batch_id
    kept = {part.part: part.digest for part in parts_of(ledger, batch_id, "ages")}
    if not kept:
        return None
    ages, digest = np.full(len(cohort.log), np.nan), cohort.log["snapshot_digest"].to_numpy(dtype=object)
    place = cohort.log["snapshot_row"].to_numpy()
    for part in parts_of(ledger, batch_id, "features"):
        rows = np.flatnonzero(digest == part.digest)
        ages[rows] = read_table(workspace, kept[part.part])["age_days"].to_numpy()[place[rows]]
    return ages


def _limit(workspace: Workspace, cohort: Cohort, surprise: np.ndarray, stakes: Stakes, as_of: datetime) -> float | None:
    """From which loss on a miss is large: the first cohort of a release says it, so that later ones can be worse."""
    name, release_id = cohort.use_case.name, cohort.champion.release_id
    kept = thresholds_of(workspace.ledger, name, release_id).get((LIMIT, "all"))
    if kept is not None:
        return kept.threshold
    limit = miss_limit(surprise, stakes.worth)
    if not np.isfinite(limit):
        return None
    evidence = {"cohort": cohort.name, "decisions": int((~np.isnan(surprise)).sum())}
    append_thresholds(workspace.ledger, [new_threshold(name, LIMIT, "all", release_id, limit, evidence, as_of)])
    return limit


def _keep_weak_slices(workspace: Workspace, cohort: Cohort, surprise: np.ndarray, as_of: datetime) -> None:
    found = find_weak_slices(cohort.use_case, cohort.frame, surprise)
    append_weak_slices(
        workspace.ledger,
        [
            WeakSlice(
                use_case=cohort.use_case.name,
                cohort=cohort.name,
                rank=rank,
                release_id=cohort.champion.release_id,
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
            for rank, one in enumerate(found, start=1)
        ],
    )
