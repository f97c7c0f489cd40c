"""The step that trains one kind of candidate."""

from __future__ import annotations

from decisionloop.learn.candidates import Kind
from decisionloop.ledger.releases import current_stages
from decisionloop.workspace import open_workspace
from tasks.learn.candidates import train_and_keep
from tasks.learn.training_rows import training_set_of
from tasks.step import step


@step
def train_candidate(use_case: str, training_set_id: str, kind: Kind) -> tuple[str, ...]:
    """Train one kind of candidate, compile it, log it to MLflow and register it; returns the ids of its releases.

    They are the model that decides everywhere and the same model within its support.
    """
    workspace = open_workspace(use_case)
    known = [one.release for one in current_stages(workspace.ledger, use_case)]
    before = [one.release_id for one in known if (one.training_set_id, one.kind) == (training_set_id, kind)]
    return tuple(before) or train_and_keep(workspace, training_set_of(workspace, training_set_id), kind)
