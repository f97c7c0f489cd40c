"""Releases as facts of the ledger refer to them."""

from __future__ import annotations

from collections.abc import Mapping

from decisionloop.act.canary import OnTrial
from decisionloop.ledger.batches import Scalar
from decisionloop.ledger.flags import switch_of
from decisionloop.ledger.releases import Release, canary, find_stage
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.workspace import Workspace


def release_of(workspace: Workspace, release_id: str) -> Release:
    """The release of that id, which the ledger refers to."""
    stage = find_stage(workspace.ledger, release_id)
    assert stage is not None  # held by a foreign key
    return stage.release


def on_trial(ledger: Ledger, use_case: str) -> OnTrial | None:
    """The release that decides for a share of the entities now, None where none does, or its kill switch is on."""
    found = canary(ledger, use_case)
    if found is None or found.event.share is None or found.release_id in switch_of(ledger, use_case).stopped:
        return None
    return OnTrial(found.release_id, found.event.share)


def on_trial_of(scored: Mapping[str, Scalar]) -> OnTrial | None:
    """The release that was on trial when a batch was scored, as that event says; None where none was."""
    release_id, share = scored.get("on_trial"), scored.get("trial_share")
    return None if release_id is None else OnTrial(str(release_id), float(str(share)))
