"""Releases as facts of the ledger refer to them."""

from __future__ import annotations

from decisionloop.act.canary import OnTrial
from decisionloop.ledger.releases import Release, canary, find_stage
from decisionloop.ledger.storage.engine import Ledger
from decisionloop.workspace import Workspace


def release_of(workspace: Workspace, release_id: str) -> Release:
    """The release of that id, which the ledger refers to."""
    stage = find_stage(workspace.ledger, release_id)
    assert stage is not None  # held by a foreign key
    return stage.release


def on_trial(ledger: Ledger, use_case: str) -> OnTrial | None:
    """The release that decides for a share of the entities now, None where none does."""
    found = canary(ledger, use_case)
    return None if found is None or found.event.share is None else OnTrial(found.release_id, found.event.share)
