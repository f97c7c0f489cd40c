"""The step that lets MLflow's aliases follow the ledger, where releases have moved since they did."""

from __future__ import annotations

from decisionloop.workspace import open_workspace
from tasks.learn.mlflow_aliases import are_behind, follow
from tasks.step import step


@step
def follow_releases(use_case: str) -> None:
    """Let the aliases follow; where nothing has moved MLflow is not even loaded."""
    workspace = open_workspace(use_case)
    if are_behind(workspace):
        follow(workspace)
