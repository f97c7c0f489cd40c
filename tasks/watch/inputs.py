"""The features of a batch, compared with what the deciding release learnt from and with the last accepted batches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection

from decisionloop.contract import UseCase
from decisionloop.ledger.batches import Batch, accepted_batches, latest_details
from decisionloop.ledger.monitor_references import (
    MonitorThreshold,
    append_thresholds,
    keep_reference,
    reference_of,
    thresholds_of,
)
from decisionloop.ledger.releases import RULES, Release
from decisionloop.ledger.storage.facts import canonical_json
from decisionloop.monitor.alarm.finding import Finding, Stakes
from decisionloop.monitor.compare.profile import FIRST_BATCH, TRAINING, FrameProfile, Reference
from decisionloop.monitor.compare.variation import Variation
from decisionloop.monitor.compare.windows import Watched
from decisionloop.monitor.watching.watch_batch import RECENT_BATCHES, FeaturesBefore, watch_features
from decisionloop.observe.support import Support
from decisionloop.workspace import Workspace
from tasks.readback.releases import release_of
from tasks.readback.sample import sample_of
from tasks.watch.windows import earlier_profiles

REFERENCE_ROWS = 100_000
"""More would not move a quantile that anybody could see."""
SHIFT, SUPPORT = "input_shift", "support"


def reference_for(workspace: Workspace, batch: Batch, release_id: str) -> Reference | None:
    """What a batch is compared with while this release decides; None for the first batch that it accepts.

    A batch that became the reference and then was killed is still the first when it runs again.
    """
    kept = reference_of(workspace.ledger, workspace.use_case.name, release_id)
    if kept is None or kept.as_of == batch.as_of:
        return None
    is_first_batch = release_of(workspace, release_id).kind == RULES
    return replace(Reference.from_json(kept.content), against=FIRST_BATCH if is_first_batch else TRAINING)


def judge_features(
    workspace: Workspace, batch: Batch, release_id: str, reference: Reference, now: Watched[FrameProfile]
) -> tuple[Finding, ...]:
    """Every check of this batch's features; the limits that are calibrated by it are kept."""
    recent = _recent_profiles(workspace, batch.as_of, now.counts.bins_digest)
    together = (*earlier_profiles(workspace, batch.as_of, now.counts.bins_digest), now)
    before = FeaturesBefore(reference, recent, _limits(workspace, release_id), together)
    stakes = replace(stakes_before(workspace, batch.as_of), importance=_importance(workspace, release_id))
    watched = watch_features(workspace.use_case, now.counts, before, stakes)
    _keep_limits(workspace, batch.as_of, release_id, watched.calibrated)
    return watched.findings


def keep_first_reference(workspace: Workspace, batch: Batch, release_id: str) -> None:
    """Let an accepted batch be what later ones are compared with: a release that learnt has a reference of its own."""
    frame = sample_of(workspace, batch.batch_id, REFERENCE_ROWS, "reference").frame
    content = Reference.of(workspace.use_case, frame).to_json()
    keep_reference(workspace.ledger, workspace.use_case.name, release_id, content, batch.as_of)


def what_it_sees(use_case: UseCase, frame: pd.DataFrame) -> dict[str, str]:
    """Profile and support of everyone in a training window, whether or not they taught, by the kind of reference."""
    return {"inputs": Reference.of(use_case, frame).to_json(), SUPPORT: Support.of(use_case, frame).to_json()}


def keep_what_it_saw(connection: Connection, release: Release, seen: Mapping[str, str]) -> None:
    """Keep what a release will be compared with; in the transaction that registers it, for it is trained once."""
    for kind, content in seen.items():
        keep_reference(connection, release.use_case, release.release_id, content, release.created_at, kind)


def stakes_before(workspace: Workspace, as_of: datetime) -> Stakes:
    """What choosing was worth in the last batch that a model has valued."""
    earlier = accepted_batches(workspace.ledger, workspace.use_case.name, as_of, RECENT_BATCHES)
    details = latest_details(workspace.ledger, [batch.batch_id for batch in earlier], "scored")
    valued = [float(worth) for detail in details if (worth := detail.get("worth")) is not None]
    return Stakes(worth=valued[-1]) if valued else Stakes()


def _importance(workspace: Workspace, release_id: str) -> dict[str, float] | None:
    """Share of each feature in a model's scores, as its card says; None for rules and for older releases."""
    shares: dict[str, float] | None = json.loads(release_of(workspace, release_id).card_json).get("importance")
    return shares


def _recent_profiles(workspace: Workspace, as_of: datetime, bins_digest: str) -> tuple[FrameProfile, ...]:
    """Profiles of the last accepted batches in the same bins, oldest first."""
    earlier = accepted_batches(workspace.ledger, workspace.use_case.name, as_of, RECENT_BATCHES)
    details = latest_details(workspace.ledger, [batch.batch_id for batch in earlier], "validated")
    kept = [detail.get("profile") for detail in details]
    profiles = [FrameProfile.from_json(str(text)) for text in kept if text is not None]
    return tuple(profile for profile in profiles if profile.bins_digest == bins_digest)


def _limits(workspace: Workspace, release_id: str) -> dict[str, float]:
    """The limit of each feature's shift that was calibrated for a release; {} before its first batches."""
    thresholds = thresholds_of(workspace.ledger, workspace.use_case.name, release_id)
    return {
        slice_.removeprefix("feature="): known.threshold
        for (monitor, slice_), known in thresholds.items()
        if monitor == SHIFT and known.release_id == release_id
    }


def _keep_limits(workspace: Workspace, as_of: datetime, release_id: str, limits: Mapping[str, Variation]) -> None:
    """Keep calibrated limits: they are made once a release."""
    name = workspace.use_case.name
    kept = [
        MonitorThreshold(name, SHIFT, f"feature={one}", release_id, v.threshold, canonical_json(v), as_of)
        for one, v in limits.items()
    ]
    append_thresholds(workspace.ledger, kept)
