"""What the stages of a batch share: who decides it, what a stage took, and the state that it has reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decisionloop.ledger.batches import Scalar, State, append_batch_event
from decisionloop.ledger.releases import Release, find_stage
from decisionloop.ledger.stage_costs import append_stage_costs
from decisionloop.ledger.switch_lock import steady_switch
from decisionloop.metering import Scope, StageCost
from decisionloop.workspace import Workspace
from tasks.readback.tables import batch_of


def reached(
    workspace: Workspace,
    batch_id: str,
    state: State,
    detail: Mapping[str, Scalar],
    costs: Sequence[StageCost],
) -> None:
    """Say that a batch has reached a state and what it took, in one transaction."""
    attempt = batch_of(workspace, batch_id).attempt
    # The switch holds what is unsent in batches by their states: neither may change while the other looks.
    with steady_switch(workspace.ledger, workspace.use_case.name) as connection:
        append_batch_event(connection, batch_id, state, detail)
        append_stage_costs(connection, batch_id, attempt, costs, workspace.use_case.serving_cost)


def release_of(workspace: Workspace, release_id: str) -> Release:
    """The release of that id, which the ledger refers to."""
    stage = find_stage(workspace.ledger, release_id)
    assert stage is not None  # held by a foreign key
    return stage.release


def scope_of(workspace: Workspace) -> Scope:
    """Where a step runs alone in its process, the threads that it starts are its own."""
    return "process" if workspace.settings.runner == "in_process" else "thread"
