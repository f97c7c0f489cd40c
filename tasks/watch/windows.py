"""The batches before one at hand that may be judged together with it, read from what the ledger keeps of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from decisionloop.ledger.batches import Batch, Scalar, accepted_batches, latest_detail, latest_details
from decisionloop.monitor.compare.profile import FrameProfile
from decisionloop.monitor.compare.windows import WINDOWS, EntitySketch, Watched
from decisionloop.monitor.impact.group_tally import GroupTally
from decisionloop.workspace import Workspace

REACH = max(WINDOWS) - 1
"""So many earlier batches are read."""


def earlier_profiles(workspace: Workspace, as_of: datetime, bins_digest: str) -> tuple[Watched[FrameProfile], ...]:
    """Features of the last accepted batches that were counted in the same bins, oldest first."""
    batches = accepted_batches(workspace.ledger, workspace.use_case.name, as_of, REACH)
    details = latest_details(workspace.ledger, [one.batch_id for one in batches], "validated")
    known = (
        (FrameProfile.from_json(str(detail["profile"])), sketch)
        for detail in details
        for sketch in _sketches(detail)
        if detail.get("profile") is not None
    )
    return tuple(Watched(profile, sketch) for profile, sketch in known if profile.bins_digest == bins_digest)


def earlier_groups(workspace: Workspace, batch: Batch, decided_by: str) -> tuple[Watched[GroupTally], ...]:
    """Who got what in the last batches that one has decided, of the groups that are watched now; oldest first."""
    batches = accepted_batches(workspace.ledger, workspace.use_case.name, batch.as_of, REACH)
    ids = [one.batch_id for one in batches]
    details = zip(
        latest_details(workspace.ledger, ids, "decided"),
        latest_details(workspace.ledger, ids, "validated"),
        strict=True,
    )
    known = (
        Watched(GroupTally.from_json(str(decided["groups"])), sketch)
        for decided, validated in details
        for sketch in _sketches(validated)
        if decided.get("groups") is not None and decided.get("decided_by") == decided_by
    )
    return tuple(one for one in known if one.counts.is_of(workspace.use_case))


def entities_of(workspace: Workspace, batch_id: str) -> EntitySketch | None:
    """Who is in a batch; None where an earlier version has validated it."""
    return next(_sketches(latest_detail(workspace.ledger, batch_id, "validated")), None)


def _sketches(validated: Mapping[str, Scalar]) -> Iterator[EntitySketch]:
    """One, or none of a batch that an earlier version has validated."""
    if validated.get("entities") is not None:
        yield EntitySketch.from_json(str(validated["entities"]))
