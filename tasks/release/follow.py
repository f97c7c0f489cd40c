"""The steps that let MLflow's aliases follow the ledger: after a move, and against hands that move them."""

from __future__ import annotations

from decisionloop.workspace import open_workspace
from tasks.release.mlflow_aliases import are_behind, follow, is_anything_logged
from tasks.step import step


@step
def follow_releases(use_case: str) -> None:
    """Let the aliases follow where releases have moved since they did; else MLflow is not even loaded."""
    workspace = open_workspace(use_case)
    if are_behind(workspace):
        follow(workspace)


@step
def reconcile_aliases(use_case: str) -> str:
    """Look at the aliases, whether or not a release has moved; returns what was found in a sentence."""
    workspace = open_workspace(use_case)
    if not is_anything_logged(workspace):
        return "MLflow knows no model of this use case yet."
    moved = follow(workspace)
    if not moved:
        return "The aliases name what the ledger says."
    return f"Set back, and told: {', '.join(str(one) for one in moved)}."
