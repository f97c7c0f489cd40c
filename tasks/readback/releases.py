"""Releases as facts of the ledger refer to them."""

from __future__ import annotations

from decisionloop.ledger.releases import Release, find_stage
from decisionloop.workspace import Workspace


def release_of(workspace: Workspace, release_id: str) -> Release:
    """The release of that id, which the ledger refers to."""
    stage = find_stage(workspace.ledger, release_id)
    assert stage is not None  # held by a foreign key
    return stage.release
